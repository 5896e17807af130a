import { PermanentError } from '@rondo/kernel';

const DAY_MS = 86_400_000;
const LONGEST_INTERVAL_MS = 366 * DAY_MS;
const EARLIEST_MS = Date.UTC(1970, 0, 1);
const LATEST_MS = Date.UTC(2200, 0, 1);

/** An upstream system says that data is there. Times in ms since the epoch; the interval is half-open. */
export interface Announcement {
  readonly pipeline: string;
  readonly eventId: string;
  readonly eventSource: string;
  readonly uri: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly announcedAtMs: number;
  /** `sha256:…` of the bytes, when the producer knows it. */
  readonly contentDigest?: string;
  readonly dedupeKey?: string;
  /** Contract the data claims to follow, `id` or `id@version`. */
  readonly dataSchema?: string;
}

/** What the moment of an announcement is judged by. */
export interface ArrivalHorizon {
  readonly time: 'EventTime' | 'WallClock';
  readonly nowMs: number;
  /** Latest end of an accepted interval of the pipeline so far; undefined before the first. */
  readonly watermarkMs: number | undefined;
  /** Length of the training window: older data can never be used. */
  readonly windowMs: number;
}

function refuse(field: string, value: unknown, rule: string, reason: string): PermanentError {
  return new PermanentError('invalid', `${field}: ${String(value)} breaks the rule "${rule}"`, {
    field,
    value,
    rule,
    reason,
  });
}

const iso = (ms: number): string =>
  Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);

/**
 * Refuses announcements whose times cannot be: intervals upside down, over-long or outside 1970 to 2200; more than a day in
 * the future by the clock on the wall (pipelines on event time live in another present); older than any training window.
 * @throws PermanentError `invalid` naming field, value and rule
 */
export function checkTimes(announcement: Announcement, horizon: ArrivalHorizon): void {
  const { startMs, endMs, announcedAtMs } = announcement;
  for (const [field, ms] of [
    ['data_interval.start', startMs],
    ['data_interval.end', endMs],
    ['announced_at', announcedAtMs],
  ] as const) {
    if (!(ms >= EARLIEST_MS && ms <= LATEST_MS))
      throw refuse(field, iso(ms), 'between 1970 and 2200', 'TIME_OUT_OF_RANGE');
  }
  if (endMs <= startMs)
    throw refuse('data_interval.end', iso(endMs), `after the start, ${iso(startMs)}`, 'INTERVAL_EMPTY');
  if (endMs - startMs > LONGEST_INTERVAL_MS)
    throw refuse('data_interval.end', iso(endMs), 'at most 366 days after the start', 'INTERVAL_TOO_LONG');
  if (horizon.time === 'WallClock') {
    const latestMs = horizon.nowMs + DAY_MS;
    for (const [field, ms] of [
      ['data_interval.end', endMs],
      ['announced_at', announcedAtMs],
    ] as const) {
      if (ms > latestMs) throw refuse(field, iso(ms), `at most one day after now, ${iso(latestMs)}`, 'FUTURE_DATED');
    }
  }
  const presentMs = horizon.time === 'WallClock' ? horizon.nowMs : horizon.watermarkMs;
  if (presentMs === undefined) return;
  const oldestMs = presentMs - horizon.windowMs;
  if (endMs <= oldestMs)
    throw refuse(
      'data_interval.end',
      iso(endMs),
      `after ${iso(oldestMs)}, the beginning of the training window`,
      'TOO_LATE',
    );
}

/** Refuses data that claims another contract than the pipeline's. */
export function checkDataSchema(
  announced: string | undefined,
  contract: { readonly id: string; readonly version: string },
): void {
  if (announced === undefined || announced === contract.id || announced === `${contract.id}@${contract.version}`)
    return;
  throw refuse('dataschema', announced, `${contract.id} or ${contract.id}@${contract.version}`, 'OTHER_CONTRACT');
}
