import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Logger } from '@rondo/telemetry';
import type { DepartureHour, FlightSource, ServingView } from './flight-source.js';
import type { Upstream } from './upstream.js';
import { dayOf, type Week } from './weeks.js';

const HOUR_MS = 3_600_000;
/** By then even the longest flight has landed and its record is in. */
const OUTCOME_AFTER_MS = 12 * HOUR_MS;
/** How far the replay runs ahead of the consumers while no rollout is watching. */
const HOURS_AHEAD = 24;

/** What the replay may know of Rondo: what any upstream or caller could see. */
export interface ReplayedSystem {
  /** Resolves when every message is handled and no cycle is computing: time stands still in the replay while Rondo works. */
  settled(): Promise<void>;
  /** True when the endpoint answers. */
  serves(): Promise<boolean>;
  /** True while a candidate takes part of the traffic or a copy of it. */
  rollingOut(): Promise<boolean>;
}

interface Cursor {
  /** Weeks announced completely. */
  readonly weeksDone: number;
  /** Hours of traffic sent in the week after those. */
  readonly hoursSent: number;
}

export interface ReplayOptions {
  readonly pipeline: string;
  readonly endpoint: string;
  readonly view: ServingView;
  readonly weeks: readonly Week[];
  /** File that remembers how far the replay has come. */
  readonly cursorPath: string;
  readonly signal: AbortSignal;
}

/**
 * Replays the flights in event order: each hour's departures ask for predictions, outcomes follow once flights have landed,
 * and on Monday the week's file is announced. Ids derive from the data's own time, so that going on after a crash repeats
 * nothing that counts.
 */
export class Replayer {
  constructor(
    private readonly source: FlightSource,
    private readonly upstream: Upstream,
    private readonly system: ReplayedSystem,
    private readonly options: ReplayOptions,
    private readonly log: Logger,
  ) {}

  async run(): Promise<void> {
    let cursor = await this.readCursor();
    const { weeks, signal } = this.options;
    for (const week of weeks.slice(cursor.weeksDone)) {
      if (signal.aborted) return;
      await this.system.settled();
      if (await this.system.serves()) await this.traffic(week, cursor);
      if (signal.aborted) return;
      await this.system.settled();
      await this.announceWeek(week);
      cursor = { weeksDone: week.index + 1, hoursSent: 0 };
      await this.writeCursor(cursor);
    }
    await this.system.settled();
  }

  private async announceWeek(week: Week): Promise<void> {
    const { pipeline } = this.options;
    const base = { pipeline, startMs: week.startMs, endMs: week.endMs };
    if (week.fault) {
      const uri = await this.source.deliver(week, week.fault);
      this.log.debug('delivering a faulty file', { week: dayOf(week.startMs), fault: week.fault });
      await this.upstream.announce({ ...base, id: `flights-${dayOf(week.startMs)}-${week.fault}`, uri });
      await this.system.settled();
    }
    const uri = await this.source.deliver(week);
    for (let i = 0; i < week.announcements; i++) await this.upstream.announce({ ...base, id: `flights-${dayOf(week.startMs)}`, uri });
  }

  private async traffic(week: Week, cursor: Cursor): Promise<void> {
    const { weeks, view, endpoint, signal } = this.options;
    const hours = await this.source.departures(week, view, weeks[week.index - 1]);
    // Outcomes of the hours before a crash may not have been reported: repeat them, reporting twice changes nothing.
    const first = Math.max(0, cursor.hoursSent - OUTCOME_AFTER_MS / HOUR_MS - 1);
    const open: DepartureHour[] = hours.slice(first, cursor.hoursSent);
    for (let i = cursor.hoursSent; i < hours.length && !signal.aborted; i++) {
      const hour = hours[i] as DepartureHour;
      await this.reportLanded(open, hour.startMs);
      await this.upstream.predict(endpoint, requestId(endpoint, hour), hour);
      open.push(hour);
      if (i % HOURS_AHEAD === 0 || (await this.system.rollingOut())) await this.system.settled();
      await this.writeCursor({ weeksDone: week.index, hoursSent: i + 1 });
    }
    if (!signal.aborted) await this.reportLanded(open, Number.POSITIVE_INFINITY, week.endMs);
  }

  private async reportLanded(open: DepartureHour[], nowMs: number, atMs = nowMs): Promise<void> {
    const { endpoint } = this.options;
    while (open[0] && open[0].startMs + OUTCOME_AFTER_MS <= nowMs) {
      const hour = open.shift() as DepartureHour;
      await this.upstream.reportOutcomes(endpoint, requestId(endpoint, hour), Math.min(atMs, hour.startMs + OUTCOME_AFTER_MS), hour);
    }
  }

  private async readCursor(): Promise<Cursor> {
    const text = await readFile(this.options.cursorPath, 'utf8').catch(() => '{"weeksDone":0,"hoursSent":0}');
    return JSON.parse(text) as Cursor;
  }

  private async writeCursor(cursor: Cursor): Promise<void> {
    const { cursorPath } = this.options;
    await writeFile(`${cursorPath}.tmp`, JSON.stringify(cursor));
    await rename(`${cursorPath}.tmp`, cursorPath);
  }
}

const requestId = (endpoint: string, hour: DepartureHour): string => `${endpoint}-${new Date(hour.startMs).toISOString().slice(0, 13)}`;
