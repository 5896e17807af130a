import { messageOf, PermanentError } from '@rondo/kernel';

/** Everything that keeps a process from starting, at once: one line each, with what to do. */
export class StartProblems extends PermanentError {
  override readonly name = 'StartProblems';

  constructor(readonly problems: readonly Error[]) {
    const lines = problems.map((problem) => `  ${messageOf(problem)}`).join('\n');
    super(
      'failed-precondition',
      `${problems.length === 1 ? 'a problem keeps' : `${problems.length} problems keep`} it from starting:\n${lines}`,
      {
        reason: 'CANNOT_START',
      },
    );
  }
}
