const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

/** The replay begins on Monday, 1 January 2001. */
export const FIRST_MONDAY_MS = Date.UTC(2001, 0, 1);

/** A stated fault that upstream makes in a copy of the week's file before it delivers the right one. */
export type Fault = 'renamed-column' | 'delay-in-seconds' | 'missing-origins';

/** One week of the replay. */
export interface Week {
  /** 0 is the week of 1 January 2001. */
  readonly index: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Announcements of the same file, at least one. */
  readonly announcements: number;
  readonly fault?: Fault;
}

/** What upstream does wrong, by week; everything else is the data itself. */
const FAULTS: Readonly<Record<number, Fault>> = { 5: 'renamed-column', 6: 'delay-in-seconds', 12: 'missing-origins' };
const ANNOUNCED_THRICE = 1;

/** The weeks of the replay in order. */
export function weeksOf(count: number): Week[] {
  return Array.from({ length: count }, (_, index) => {
    const startMs = FIRST_MONDAY_MS + index * WEEK_MS;
    const fault = FAULTS[index];
    return {
      index,
      startMs,
      endMs: startMs + WEEK_MS,
      announcements: index === ANNOUNCED_THRICE ? 3 : 1,
      ...(fault && { fault }),
    };
  });
}

/** `2001-01-08` */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
