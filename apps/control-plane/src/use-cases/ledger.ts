import type { Unit } from '@rondo/journal';
import type { LedgerState } from '../domain/ledger.js';

const ledgerId = (pipeline: string, kind: LedgerState['kind'], eventId: string): string =>
  `${pipeline}/${kind}/${eventId}`;

/** Writes an event into the ledger, or its fate when it is known now. The first record's times stay. */
export async function record(unit: Unit, event: LedgerState): Promise<void> {
  const id = ledgerId(event.pipeline, event.kind, event.eventId);
  const before = await unit.load<LedgerState>('ledger-event', id);
  const state: LedgerState = before ? { ...before.state, ...event, receivedAtMs: before.state.receivedAtMs } : event;
  unit.save<LedgerState>({
    kind: 'ledger-event',
    id,
    state,
    index: { pipeline: state.pipeline, fate: state.fate, receivedAtMs: state.receivedAtMs },
  });
}

export async function known(
  unit: Unit,
  pipeline: string,
  kind: LedgerState['kind'],
  eventId: string,
): Promise<LedgerState | undefined> {
  return (await unit.load<LedgerState>('ledger-event', ledgerId(pipeline, kind, eventId)))?.state;
}
