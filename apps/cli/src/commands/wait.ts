import { CycleService, EventService, PipelineService, type Cycle } from '@rondo/contracts';
import { PermanentError, TransientError } from '@rondo/kernel';
import type { Command } from 'commander';
import { EXIT, Ended } from '../exit-codes.js';
import { cycleRequest } from '../find.js';
import type { Action } from '../program.js';
import type { Session } from '../session.js';
import { cycleName, cycleShape, eventShape } from '../shapes.js';
import { plainText } from '../words.js';

const PAUSE_MS = 500;
const EVENTS_LOOKED_AT = 500;
/** What an event has before its fate: it is looked at, or a cycle that may take it is planned for a later day. */
const NOT_YET = new Set(['Pending', 'Scheduled']);
/** Fates of data that was not taken in. */
const REFUSED = new Set(['Quarantined', 'Rejected', 'Failed']);

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
  let shown = '';
  return patiently(session, 'the cycle goes on', async (signal) => {
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
    return undefined;
  });
}

/** `event wait`: until an announced event has its fate. */
export async function waitForFate(session: Session, eventId: string, pipeline: string): Promise<void> {
  const client = await session.client(EventService);
  // A known pipeline may be asked about an event that has yet to come in.
  await (await session.client(PipelineService)).getPipeline({ pipeline });
  const event = await patiently(session, 'the event has no fate yet', async () => {
    const { events } = await client.listEvents({ pipeline, pageSize: EVENTS_LOOKED_AT });
    return events.find((each) => each.eventId === eventId && !NOT_YET.has(each.fate));
  });
  const sentence = `event/${event.eventId} ${event.fate}: ${event.explanation || event.reason}`;
  session.changed(eventShape, event, plainText(sentence), `rondo explain ${event.eventId} -p ${pipeline}`);
  if (REFUSED.has(event.fate)) throw new Ended(EXIT.no);
}

/** Looks again and again until there is something to see; exit 124 after `--timeout`, 130 when interrupted. */
async function patiently<T>(
  session: Session,
  meanwhile: string,
  look: (signal: AbortSignal) => Promise<T | undefined>,
): Promise<T> {
  const { around } = session;
  const late = new AbortController();
  const cancelTimer = around.clock.wakeAt(around.clock.now() + session.timeoutMs, () => late.abort());
  const signal = AbortSignal.any([late.signal, around.interrupted]);
  try {
    for (;;) {
      const seen = await look(signal);
      if (seen !== undefined) return seen;
      await pause(session, signal);
    }
  } catch (error) {
    if (around.interrupted.aborted) return ended(session, EXIT.interrupted, `interrupted; ${meanwhile}`);
    if (late.signal.aborted) return ended(session, EXIT.timedOut, `not within ${session.flags.timeout}; ${meanwhile}`);
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
