import type { SqliteStore } from '@rondo/journal';
import type { Json } from '@rondo/kernel';
import type { Violation } from '../promises.js';
import type { StatefulService } from '../services.js';
import { NEW_FIELD } from './next-release.js';
import type { Simulation } from './simulation.js';

/** What must be the same at the end of every run whose people waited until the services were done. */
export const COMPARED: readonly [StatefulService, readonly string[]][] = [
  ['control-plane', ['ledger-event', 'cycle', 'approval', 'pipeline', 'model-version', 'alias-entry', 'incident']],
  ['data-prep', ['batch', 'snapshot-cache', 'feature-cache']],
  ['drift-monitor', ['drift-evaluation', 'performance-evaluation']],
  ['labeling', ['label-campaign', 'label-task']],
  ['training', ['training-run']],
  ['evaluation', ['evaluation']],
  ['rollout', ['rollout', 'routing']],
];

/** Moments of the clock on the wall, what was timed by it, and digests of documents that hold such numbers. */
const OF_THE_CLOCK: ReadonlySet<string> = new Set([
  'announcedAtMs',
  'atMs',
  'boundDigest',
  'championSinceMs',
  'decidedAtMs',
  'dueAtMs',
  'durationMs',
  'enteredAtMs',
  'evidence',
  'evaluatedAtMs',
  'expiresAtMs',
  'finishedAtMs',
  'finishedWallMs',
  'lastDecisionId',
  'leftAtMs',
  'modelCard',
  'openedAtMs',
  'receivedAtMs',
  'registeredAtMs',
  'report',
  'requestedAtMs',
  'sinceMs',
  'startedAtMs',
  'startedWallMs',
  'untilMs',
]);

/** Whether a label of traffic from before a rollout comes while it runs depends on the moment; it only counts as unknown. */
const OF_THE_MOMENT = 'unknown';

/** The end of a run, by kind and id of document, without what the wall clock decides. */
export type FinalState = ReadonlyMap<string, string>;

export async function finalState(simulation: Simulation): Promise<FinalState> {
  const state = new Map<string, string>();
  for (const [service, kinds] of COMPARED) {
    for (const kind of kinds) {
      const { items } = await simulation.journalOf(service).list<Json>(kind, { limit: 10_000 });
      for (const item of items)
        state.set(`${service} ${kind} ${nameOf(kind, item.id)}`, JSON.stringify(without(item.state, isOfTheClock)));
    }
  }
  return state;
}

/** More of the clock in what is compared with a replay only; what a caller was told, which holds such fields; the failures of jobs. */
const OF_THE_RUN: ReadonlySet<string> = new Set([
  'answer',
  'appliedAtMs',
  'attempt',
  'attempts',
  'deadline',
  'deadlineAtMs',
  'failure',
  'heartbeatAtMs',
  'owner',
  'starts',
  'tookMs',
]);

/** A document or message without what the clock and the faults of its run decide. */
export function replayable(value: Json): string {
  return JSON.stringify(without(value, (key) => isOfTheClock(key) || isOfTheClock(`${key}Ms`) || OF_THE_RUN.has(key)));
}

/** Every document of a service, whatever its kind, to be compared with what a replay makes of it. */
export function documentsOf(store: SqliteStore, service: StatefulService): FinalState {
  const rows = store.bus.database
    .statement('SELECT kind, id, state FROM document WHERE service = ? AND state IS NOT NULL')
    .all(service) as { readonly kind: string; readonly id: string; readonly state: string }[];
  return new Map(
    rows.map(({ kind, id, state }) => [`${kind} ${nameOf(kind, id)}`, replayable(JSON.parse(state) as Json)]),
  );
}

/** How one end differs from another. */
export function differences(expected: FinalState, actual: FinalState): Violation[] {
  return differencesOf(expected, actual).map((message) => ({ check: 'same-end', message }));
}

/** The same in words. */
export function differencesOf(expected: FinalState, actual: FinalState): string[] {
  const problems: string[] = [];
  for (const [id, state] of expected) {
    const other = actual.get(id);
    if (other === undefined) problems.push(`${id} is missing`);
    else if (other !== state) problems.push(`${id} differs${firstDifference(state, other)}`);
  }
  for (const id of actual.keys()) if (!expected.has(id)) problems.push(`${id} is there too`);
  return problems;
}

function firstDifference(a: string, b: string): string {
  let at = 0;
  while (a[at] === b[at]) at++;
  const from = Math.max(0, at - 60);
  return `: …${a.slice(from, at + 60)}… became …${b.slice(from, at + 60)}…`;
}

/** The id of an alias holds the moment of the move. */
function nameOf(kind: string, id: string): string {
  return kind === 'alias-entry' ? id.replace(/\/\d+\//, '/') : id;
}

const isOfTheClock = (key: string): boolean => OF_THE_CLOCK.has(key) || key === OF_THE_MOMENT || key === NEW_FIELD;

function without(value: Json | undefined, isLeftOut: (key: string) => boolean): Json {
  if (Array.isArray(value)) return value.filter((item) => !isTiming(item)).map((item) => without(item, isLeftOut));
  if (typeof value !== 'object' || value === null) return value ?? null;
  const kept = Object.entries(value).filter(([key]) => !isLeftOut(key));
  return Object.fromEntries(kept.map(([key, item]) => [key, without(item, isLeftOut)]));
}

/** Scoring is timed with the clock of the machine. */
function isTiming(value: Json): boolean {
  const name = typeof value === 'object' && value !== null && 'name' in value ? value.name : undefined;
  return name === 'p50Ms' || name === 'p99Ms';
}
