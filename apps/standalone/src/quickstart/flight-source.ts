import { access, mkdir, rename, rm } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { literal, runFeatureSql, timestampLiteral, type Engine } from '@rondo/datasets';
import { PermanentError } from '@rondo/kernel';
import { dayOf, type Fault, type Week } from './weeks.js';

const HOUR_MS = 3_600_000;

/** Folder of the example's data; the package offers no entry for it. */
export function exampleDataFolder(): string {
  const manifest = findPackageJSON('vega-datasets', import.meta.url);
  if (!manifest)
    throw new PermanentError('not-found', 'the package vega-datasets is not installed: run npm ci', {
      field: 'vega-datasets',
      rule: 'installed',
    });
  return join(dirname(manifest), 'data');
}

/** One hour of departures, as a caller of the model sees it. */
export interface DepartureHour {
  readonly startMs: number;
  readonly n: number;
  /** The key each departure has in the feature view: what traffic is split by, and what outcomes are joined with features by. */
  readonly keys: readonly string[];
  /** Row-major, n rows. */
  readonly features: Float32Array;
  /** 1 = more than 15 minutes late, 0 = not, NaN = never known. */
  readonly late: Float32Array;
}

/** Which columns the served model takes. */
export interface ServingView {
  readonly sql: string;
  readonly key: string;
  readonly eventTime: string;
  readonly target: string;
  readonly columns: readonly string[];
}

const FAULTY_COLUMNS: Readonly<Record<Fault, string>> = {
  'renamed-column': 'date, delay AS arrival_delay, distance, origin, destination',
  'delay-in-seconds': 'date, delay * 60 AS delay, distance, origin, destination',
  'missing-origins':
    'date, delay, distance, CASE WHEN (epoch(date)::BIGINT // 60) % 5 < 2 THEN NULL ELSE origin END AS origin, destination',
};

/** The US flights of the first half of 2001 (vega-datasets), cut into the weekly files that upstream delivers. */
export class FlightSource {
  private readonly root = exampleDataFolder();
  /** Files written or being written, by path. */
  private readonly deliveries = new Map<string, Promise<string>>();

  constructor(
    private readonly engine: Engine,
    /** Folder that upstream writes into; one of the allowed roots. */
    private readonly inbox: string,
    /** Keeps every `oneIn`-th minute of departures; 1 keeps all. */
    private readonly oneIn = 1,
  ) {}

  /** Reference table of airports. */
  get airportsPath(): string {
    return join(this.root, 'airports.csv');
  }

  /** Writes the week's file, faulty when asked; the file appears whole or not at all, written once however often it is asked for. Returns its path. */
  deliver(week: Week, fault?: Fault): Promise<string> {
    const path = join(this.inbox, `flights-${dayOf(week.startMs)}${fault ? `.${fault}` : ''}.parquet`);
    const known = this.deliveries.get(path);
    if (known) return known;
    const delivery = this.write(path, week, fault);
    this.deliveries.set(path, delivery);
    delivery.catch(() => this.deliveries.delete(path));
    return delivery;
  }

  private async write(path: string, week: Week, fault: Fault | undefined): Promise<string> {
    await mkdir(this.inbox, { recursive: true });
    if (await this.isThere(path)) return path;
    const columns = fault ? FAULTY_COLUMNS[fault] : 'date, delay, distance, origin, destination';
    const sample = this.oneIn > 1 ? ` AND (epoch(date)::BIGINT // 60) % ${this.oneIn} = 0` : '';
    const select =
      `SELECT ${columns} FROM (SELECT date, delay, distance, origin, destination FROM read_parquet(${literal(join(this.root, 'flights-3m.parquet'))}) ` +
      `WHERE date >= ${timestampLiteral(week.startMs)} AND date < ${timestampLiteral(week.endMs)}${sample} ORDER BY ALL)`;
    await this.engine.writeParquet({ select, outPath: `${path}.partial` });
    await rename(`${path}.partial`, path);
    return path;
  }

  private isThere(path: string): Promise<boolean> {
    return access(path).then(
      () => true,
      () => false,
    );
  }

  /** The week's departures by hour, with the features the caller computes at departure. */
  async departures(week: Week, view: ServingView, previous: Week | undefined): Promise<DepartureHour[]> {
    const batchPath = await this.deliver(week);
    const outPath = join(this.inbox, `.serving-${dayOf(week.startMs)}.parquet`);
    const { sql, key, eventTime, target, columns } = view;
    const context = previous ? [await this.deliver(previous)] : [];
    const result = await runFeatureSql(this.engine, {
      sql,
      batchPath,
      contextPaths: context,
      contextRange: { column: 'date', startMs: week.startMs - 24 * HOUR_MS, endMs: week.startMs },
      tables: [{ name: 'airports', path: this.airportsPath }],
      key,
      eventTime,
      columns,
      target,
      outPath,
    });
    if (!result.ok)
      throw new PermanentError(
        'invalid',
        `the serving features failed: ${result.findings.map((finding) => finding.message).join('; ')}`,
      );
    try {
      return await this.hours(outPath, view);
    } finally {
      await rm(outPath, { force: true });
    }
  }

  private async hours(path: string, view: ServingView): Promise<DepartureHour[]> {
    // The file is in order of event time and key.
    const [matrix, targets, flights, times] = await Promise.all([
      this.engine.readMatrix(path, view.columns),
      this.engine.readColumns(path, [view.target]),
      this.engine.readKeys(path, view.key),
      this.engine.readTimes(path, view.eventTime),
    ]);
    const width = view.columns.length;
    const late = targets.columns[0] ?? new Float32Array();
    const hours: DepartureHour[] = [];
    for (let from = 0; from < matrix.n;) {
      const startMs = Math.floor((times[from] ?? 0) / HOUR_MS) * HOUR_MS;
      let to = from;
      while (to < matrix.n && (times[to] ?? 0) < startMs + HOUR_MS) to++;
      hours.push({
        startMs,
        n: to - from,
        keys: flights.slice(from, to),
        features: matrix.values.slice(from * width, to * width),
        late: late.slice(from, to),
      });
      from = to;
    }
    return hours;
  }
}
