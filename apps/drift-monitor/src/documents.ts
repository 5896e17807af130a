import type { AlphaLedger, BreachTracker } from '@rondo/statistics';
import type { IndexValues, Journal, Stored, Unit } from '@rondo/journal';
import { idFrom } from '@rondo/kernel';
import { noPerformance, type PerformanceRecord, type Window } from './domain/performance.js';
import type { Reference } from './domain/reference.js';
import type { ServedRequest } from './domain/served-request.js';

/** The champion everything is held against now; id: pipeline. */
export const REFERENCE = 'reference';
/** Champions before it; id: pipeline and version. */
export const PAST_REFERENCE = 'past-reference';
/** id: evaluation. */
export const DRIFT_EVALUATION = 'drift-evaluation';
export const PERFORMANCE_EVALUATION = 'performance-evaluation';
/** id: forecast. */
export const FORECAST = 'forecast';
/** id: {@link watchedSeriesId}. */
export const WATCHED_SERIES = 'watched-series';
/** id: pipeline and batch. */
export const SEASON_WINDOW = 'season-window';
/** id: pipeline. */
export const DRIFT_RECORD = 'drift-record';
export const PERFORMANCE_RECORD = 'performance-record';
export const FEATURE_LOSSES = 'feature-losses';
/** id: endpoint and request. */
export const SERVED_REQUEST = 'served-request';

const DAY_MS = 86_400_000;
const PAGE = 1000;

/** Drift of one pipeline so far. */
export type DriftRecord = {
  readonly modelDigest: string;
  readonly tracker?: BreachTracker;
  /** Absent before the first batch of this kind of record. */
  readonly falseAlarms?: AlphaLedger;
  readonly evaluations: number;
};

/** One series of a pipeline. */
export const watchedSeriesId = (pipeline: string, series: string): string => `${pipeline}/${series}`;

/** Request ids are chosen by callers, so the document's id is derived. */
export const servedId = (endpoint: string, requestId: string): string => idFrom('served', endpoint, requestId);

/** Days since the epoch. */
export const dayOf = (timeMs: number): number => Math.floor(timeMs / DAY_MS);

/** What a served request is found by. */
export const servedIndex = ({ pipeline, eventTimeMs }: ServedRequest): IndexValues => ({
  pipeline,
  day: dayOf(eventTimeMs),
});

/** The reference of a pipeline. */
export function loadReference(
  source: Pick<Unit | Journal, 'load'>,
  pipeline: string,
): Promise<Stored<Reference> | undefined> {
  return source.load<Reference>(REFERENCE, pipeline);
}

/** The record of a pipeline, empty before the first entry. */
export async function loadPerformance(
  source: Pick<Unit | Journal, 'load'>,
  pipeline: string,
): Promise<PerformanceRecord> {
  const stored = (await source.load<PerformanceRecord>(PERFORMANCE_RECORD, pipeline))?.state;
  // A record written before estimates were remembered has none.
  return { ...noPerformance, ...stored };
}

/** Requests of a pipeline whose event time lies in the window. */
export async function requestsIn(journal: Journal, pipeline: string, window: Window): Promise<ServedRequest[]> {
  const [oldest, newest] = await Promise.all([edgeDay(journal, pipeline, 'asc'), edgeDay(journal, pipeline, 'desc')]);
  const found: ServedRequest[] = [];
  if (oldest === undefined || newest === undefined) return found;
  const last = Math.min(newest, dayOf(window.endMs - 1));
  for (let day = Math.max(oldest, dayOf(window.startMs)); day <= last; day++) {
    let pageToken: string | undefined;
    do {
      const page = await journal.list<ServedRequest>(SERVED_REQUEST, {
        where: { pipeline, day },
        limit: PAGE,
        ...(pageToken !== undefined && { pageToken }),
      });
      const inside = page.items
        .map(({ state }) => state)
        .filter(({ eventTimeMs: at }) => window.startMs <= at && at < window.endMs);
      found.push(...inside);
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
  }
  return found;
}

async function edgeDay(journal: Journal, pipeline: string, direction: 'asc' | 'desc'): Promise<number | undefined> {
  const orderBy = { index: 'day', direction };
  const page = await journal.list<ServedRequest>(SERVED_REQUEST, {
    where: { pipeline },
    orderBy,
    limit: 1,
  });
  const first = page.items[0];
  return first && dayOf(first.state.eventTimeMs);
}
