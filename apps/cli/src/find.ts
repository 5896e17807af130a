import {
  CycleService,
  EventService,
  RolloutService,
  type Cycle,
  type DecisionMade,
  type LedgerEvent,
  type Rollout,
} from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import { collect } from './paging.js';
import type { Session } from './session.js';

const SHORT = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)\/(\d{1,9})$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id in a name as `get … -o name` prints it (`approval/<id>`), or the name itself when it is an id already. */
export const idOf = (kind: string, name: string): string =>
  name.startsWith(`${kind}/`) ? name.slice(kind.length + 1) : name;

/** What names a cycle: its id, or pipeline and number. @throws `invalid` for anything else */
export function cycleRequest(name: string): { cycleId: string } | { pipeline: string; number: number } {
  const short = SHORT.exec(idOf('cycle', name));
  if (short) return { pipeline: short[1]!, number: Number(short[3]) };
  if (UUID.test(name)) return { cycleId: name };
  throw new PermanentError('invalid', `"${name}" names no cycle`, {
    field: 'cycle',
    value: name,
    rule: 'pipeline/number, for example flights/7, or a cycle id',
  });
}

/** The cycle of that name. */
export async function findCycle(session: Session, name: string): Promise<Cycle> {
  return (await session.client(CycleService)).getCycle(cycleRequest(name));
}

/** The cycle, or else the decision, of that name. */
export async function findCycleOrDecision(
  session: Session,
  name: string,
): Promise<{ readonly cycle: Cycle } | { readonly decision: DecisionMade }> {
  if (SHORT.test(idOf('cycle', name))) return { cycle: await findCycle(session, name) };
  const id = idOf('decision', name);
  try {
    if (id === name) return { cycle: await (await session.client(CycleService)).getCycle({ cycleId: id }) };
  } catch (error) {
    if (!(error instanceof PermanentError && error.code === 'not-found')) throw error;
  }
  const { record } = await (await session.client(EventService)).getDecision({ decisionId: id });
  if (!record)
    throw new PermanentError('not-found', `the decision ${id} has no record`, { field: 'decision', value: id });
  return { decision: record };
}

const EVENTS_LOOKED_AT = 10_000;

/** The event of that id in the ledger of a pipeline, with the decision about it. */
export async function findEvent(
  session: Session,
  pipeline: string,
  name: string,
): Promise<{ readonly event: LedgerEvent; readonly decision: DecisionMade | undefined }> {
  const client = await session.client(EventService);
  const id = idOf('event', name);
  const { items } = await collect(EVENTS_LOOKED_AT, async (page) => {
    const { events, nextPageToken } = await client.listEvents({ pipeline, ...page });
    return { items: events, nextPageToken: events.some(({ eventId }) => eventId === id) ? '' : nextPageToken };
  });
  const event = items.find(({ eventId }) => eventId === id);
  if (!event)
    throw new PermanentError('not-found', `${pipeline} has no event ${id}`, {
      field: 'event',
      value: id,
      rule: `one of the newest ${EVENTS_LOOKED_AT}`,
    });
  const { decisionId } = event;
  return { event, decision: decisionId === '' ? undefined : (await client.getDecision({ decisionId })).record };
}

/** The rollout of that id, or the rollout of a cycle named `pipeline/number`. */
export async function findRollout(session: Session, name: string): Promise<Rollout> {
  const client = await session.client(RolloutService);
  if (!SHORT.test(name)) return client.getRollout({ rolloutId: idOf('rollout', name) });
  const cycle = await findCycle(session, name);
  return client.getRollout({ cycleId: cycle.cycleId });
}
