import { CycleService, PipelineService, type Cycle } from '@rondo/contracts';
import { PermanentError, TransientError } from '@rondo/kernel';
import type { Command } from 'commander';
import { EXIT, Ended } from '../exit-codes.js';
import { cycleRequest } from '../find.js';
import type { Action } from '../program.js';
import type { Session } from '../session.js';
import { cycleName, cycleShape } from '../shapes.js';
import { plainText } from '../words.js';

const PAUSE_MS = 500;

/** `wait`: until a cycle finishes or reaches a phase. */
export function waitCommand(program: Command, action: Action): void {
  program
    .command('wait')
    .description('wait until a cycle finishes or reaches a phase; exit 1 when it ends otherwise, 124 after --timeout')
    .argument('<cycle>', 'pipeline/number or id; a number may be of a cycle that is yet to start')
    .option('--for <what>', 'finished, promoted, or a phase such as AwaitingApproval', 'finished')
    .action(
      action(async (session, name: string, options: { for: string }) => {
        const wanted = options.for.toLowerCase();
        const last = await watch(
          session,
          name,
          (cycle) => cycle.phase === 'Finished' || cycle.phase.toLowerCase() === wanted,
        );
        if (session.flags.output !== 'table') session.one(cycleShape, last);
        const isBad = last.phase === 'Finished' && last.result !== 'Promoted';
        if (isBad || (last.phase === 'Finished' && wanted !== 'finished' && wanted !== 'promoted'))
          throw new Ended(EXIT.no);
      }, 1),
    );
}

async function watch(session: Session, name: string, isReached: (cycle: Cycle) => boolean): Promise<Cycle> {
  const { around } = session;
  const request = cycleRequest(name);
  const client = await session.client(CycleService);
  const late = new AbortController();
  const cancelTimer = around.clock.wakeAt(around.clock.now() + session.timeoutMs, () => late.abort());
  const signal = AbortSignal.any([late.signal, around.interrupted]);
  let shown = '';
  try {
    for (;;) {
      try {
        for await (const cycle of client.watchCycle(request, { signal })) {
          const line = cycle.result === '' ? `${cycle.phase}: ${cycle.next}` : `${cycle.result}: ${cycle.reason}`;
          if (line !== shown && session.flags.output === 'table')
            around.out(plainText(`${cycleName(cycle)} ${line}`) + '\n');
          shown = line;
          if (isReached(cycle)) return cycle;
        }
      } catch (error) {
        // A stream that breaks or reaches its greatest age is opened again; a cycle of a known pipeline may still begin.
        const isNotYet = !signal.aborted && isNotFound(error) && 'pipeline' in request;
        if (isNotYet) await (await session.client(PipelineService)).getPipeline({ pipeline: request.pipeline });
        else if (signal.aborted || !(error instanceof TransientError)) throw error;
      }
      await pause(session, signal);
    }
  } catch (error) {
    if (around.interrupted.aborted) return ended(session, EXIT.interrupted, 'interrupted; the cycle goes on');
    if (late.signal.aborted)
      return ended(session, EXIT.timedOut, `not within ${session.flags.timeout}; the cycle goes on`);
    throw error;
  } finally {
    cancelTimer();
  }
}

const isNotFound = (error: unknown): boolean => error instanceof PermanentError && error.code === 'not-found';

function ended(session: Session, code: number, text: string): never {
  session.note(text);
  throw new Ended(code);
}

function pause(session: Session, signal: AbortSignal): Promise<void> {
  const { clock } = session.around;
  return new Promise((resolve, reject) => {
    const keepAlive = setInterval(() => undefined, 60_000);
    const stop = (work: () => void) => () => {
      clearInterval(keepAlive);
      work();
    };
    clock.wakeAt(clock.now() + PAUSE_MS, stop(resolve));
    signal.addEventListener(
      'abort',
      stop(() => reject(new TransientError('stopped waiting'))),
      { once: true },
    );
  });
}
