import { readFile, rename, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { digestOf } from '@rondo/artifacts';
import type { Logger } from '@rondo/telemetry';
import type { DepartureHour, FlightSource, ServingView } from './flight-source.js';
import type { Upstream } from './upstream.js';
import { dayOf, type Week } from './weeks.js';

const HOUR_MS = 3_600_000;
/** By then even the longest flight has landed and its record is in. */
const OUTCOME_AFTER_MS = 12 * HOUR_MS;
/** Hours sent at once while no rollout watches them; with one, each hour's answer may move the next hour's traffic. */
const HOURS_AT_ONCE = 84;

/** What the replay may know of Rondo: what any upstream or caller could see. */
export interface ReplayedSystem {
  /**
   * Resolves when every message is handled and no cycle is computing: time stands still in the replay while Rondo works.
   * @param meanwhile called when that takes longer because a cycle runs
   */
  settled(meanwhile?: () => void): Promise<void>;
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

  private ahead: { readonly index: number; readonly hours: Promise<DepartureHour[]> } | undefined;

  async run(): Promise<void> {
    let cursor = await this.readCursor();
    const { weeks, signal } = this.options;
    for (const week of weeks.slice(cursor.weeksDone)) {
      if (signal.aborted) return;
      // A cycle may well end with a model that serves: the caller's own machine makes ready for its first requests.
      await this.system.settled(() => this.computeAhead(week.index));
      if (await this.system.serves()) await this.traffic(week, cursor);
      if (signal.aborted) return;
      await this.system.settled();
      await this.announceWeek(week);
      cursor = { weeksDone: week.index + 1, hoursSent: 0 };
      await this.writeCursor(cursor);
    }
    await this.system.settled();
  }

  /** A week's departures; the next week's are computed meanwhile, as a caller's own machine would. */
  private departures(week: Week): Promise<DepartureHour[]> {
    this.computeAhead(week.index);
    const ready = (this.ahead as NonNullable<typeof this.ahead>).hours;
    ready.then(
      () => this.computeAhead(week.index + 1),
      () => undefined,
    );
    return ready;
  }

  private computeAhead(index: number): void {
    const { weeks, view } = this.options;
    const week = weeks[index];
    if (!week || this.ahead?.index === index) return;
    const hours = this.source.departures(week, view, weeks[index - 1]);
    // Whoever asks for the week sees the failure; until then it is nobody's.
    hours.catch(() => undefined);
    this.ahead = { index, hours };
  }

  /** Upstream writes its next files while this week's are being read. */
  private deliverAhead(index: number): void {
    const week = this.options.weeks[index];
    if (!week) return;
    for (const fault of week.fault ? [week.fault, undefined] : [undefined])
      this.source.deliver(week, fault).catch(() => undefined);
  }

  private async announceWeek(week: Week): Promise<void> {
    const { pipeline } = this.options;
    const base = { pipeline, startMs: week.startMs, endMs: week.endMs };
    if (week.fault) {
      const file = await announced(await this.source.deliver(week, week.fault));
      this.log.debug('delivering a faulty file', { week: dayOf(week.startMs), fault: week.fault });
      await this.upstream.announce({ ...base, id: `flights-${dayOf(week.startMs)}-${week.fault}`, ...file });
      await this.system.settled();
    }
    const file = await announced(await this.source.deliver(week));
    for (let i = 0; i < week.announcements; i++)
      await this.upstream.announce({ ...base, id: `flights-${dayOf(week.startMs)}`, ...file });
    this.deliverAhead(week.index + 1);
  }

  private async traffic(week: Week, cursor: Cursor): Promise<void> {
    const { endpoint, signal } = this.options;
    const hours = await this.departures(week);
    // Outcomes of the hours before a crash may not have been reported: repeat them, reporting twice changes nothing.
    const first = Math.max(0, cursor.hoursSent - OUTCOME_AFTER_MS / HOUR_MS - HOURS_AT_ONCE);
    const open: DepartureHour[] = hours.slice(first, cursor.hoursSent);
    for (let sent = cursor.hoursSent; sent < hours.length && !signal.aborted;) {
      const now = hours.slice(sent, sent + ((await this.system.rollingOut()) ? 1 : HOURS_AT_ONCE));
      await this.reportLanded(open, (now[0] as DepartureHour).startMs);
      await Promise.all(now.map((hour) => this.upstream.predict(endpoint, requestId(endpoint, hour), hour)));
      open.push(...now);
      sent += now.length;
      await this.system.settled();
      await this.writeCursor({ weeksDone: week.index, hoursSent: sent });
    }
    if (!signal.aborted) await this.reportLanded(open, Number.POSITIVE_INFINITY);
  }

  private async reportLanded(open: DepartureHour[], nowMs: number): Promise<void> {
    const { endpoint } = this.options;
    const landed = open.filter((hour) => hour.startMs + OUTCOME_AFTER_MS <= nowMs);
    open.splice(0, landed.length);
    if (landed.length === 0) return;
    const outcomes = landed.map((hour) => ({
      requestId: requestId(endpoint, hour),
      eventTimeMs: hour.startMs + OUTCOME_AFTER_MS,
      hour,
    }));
    await this.upstream.reportOutcomes(endpoint, outcomes);
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

async function announced(path: string): Promise<{ uri: string; contentDigest: string }> {
  return { uri: basename(path), contentDigest: digestOf(await readFile(path)) };
}

const requestId = (endpoint: string, hour: DepartureHour): string =>
  `${endpoint}-${new Date(hour.startMs).toISOString().slice(0, 13)}`;
