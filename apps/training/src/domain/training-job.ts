/** What the durable job of one candidate carries. */
export type TrainingJobInput = {
  readonly cycleId: string;
  readonly pipeline: string;
  readonly generation: number;
  readonly candidate: string;
  readonly snapshotDigest: string;
  readonly seed: number;
  readonly trainDigest: string;
  readonly validationDigest: string;
};

/** The same cycle, candidate and request always name the same job. */
export const jobIdOf = (cycleId: string, candidate: string, idempotencyKey: string): string =>
  `${cycleId}/${candidate}/${idempotencyKey}`;

const DATA_CODES: ReadonlySet<string> = new Set(['invalid', 'not-found', 'data-loss', 'out-of-range']);

/** How a failure outside the trainer is called in the answer. */
export function failureCodeOf(errorCode: string): 'Deadline' | 'BadData' | 'TrainerExit' {
  if (errorCode === 'deadline-exceeded') return 'Deadline';
  return DATA_CODES.has(errorCode) ? 'BadData' : 'TrainerExit';
}

const PROGRESS_STEP = 0.1;
const STAGE_EVERY_MS = 1_000;

/**
 * Decides which of a trainer's words are worth a message: each further tenth of the way, and another stage at most once a
 * second. However much a trainer talks, an attempt gives at most eleven messages and one more per second.
 */
export function progressFilter(): (said: {
  readonly stage: string;
  readonly progress: number;
  readonly atMs: number;
}) => boolean {
  let last = { stage: '', progress: -1, atMs: -Infinity };
  return (said) => {
    const further = said.progress >= last.progress + PROGRESS_STEP;
    const otherStage = said.stage !== last.stage && said.atMs >= last.atMs + STAGE_EVERY_MS;
    if (!further && !otherStage) return false;
    last = { ...said, progress: Math.max(last.progress, said.progress) };
    return true;
  };
}
