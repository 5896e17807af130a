import { checkBetween, checkCount, invalid } from './checks.js';
import type { AlarmOn, StreamDetector, StreamStatus } from './stream-detector.js';

/** Values summed up: `2^row` of them, where `row` is the place in {@link AdwinState.rows}. */
export interface AdwinBucket {
  readonly total: number;
  /** Sum of squared distances from the bucket's mean. */
  readonly variance: number;
}

/** Settings of {@link AdwinDetector}. */
export interface AdwinRule {
  /** Bounds the chance of a false cut at one check, 0..1; default 0.002. */
  readonly delta?: number;
  /** Values from one check to the next; default 32. */
  readonly clock?: number;
  /** Default `rise`. The window shrinks after any change; only the report is one-sided. */
  readonly alarmOn?: AlarmOn;
}

/** Plain JSON. */
export interface AdwinState {
  readonly kind: 'adwin';
  readonly delta: number;
  readonly clock: number;
  readonly alarmOn: AlarmOn;
  readonly status: StreamStatus;
  readonly ticks: number;
  readonly total: number;
  readonly variance: number;
  /** Youngest first, at most five buckets a row: about 5·log₂(window) in all. */
  readonly rows: readonly (readonly AdwinBucket[])[];
}

const BUCKETS_PER_ROW = 5;
const SLOTS = BUCKETS_PER_ROW + 1;
/** 2^48 values: at a million a second, nine years. */
const ROWS_MAX = 48;
const MIN_SIDE = 5;
const GRACE_VALUES = 10;

/**
 * ADWIN: a window over a stream of values in [0, 1] (errors, losses scaled to that range) that grows while its mean is
 * steady and drops its old part when the means of two parts differ by more than chance explains. After `drift` it starts
 * with an empty window, as River's does; after a change that is not reported it keeps the young part. Every bucket border
 * is judged as a cut, where River's scan leaves the youngest bucket of each size out of the older part: alarms may come a
 * check or two apart from River's.
 * Source: Bifet & Gavaldà (2007), SIAM Data Mining, with the variance bound of their section 3.
 * @example new AdwinDetector({ delta: 0.002 }).update(1) // => 'clear'
 */
export class AdwinDetector implements StreamDetector<AdwinState> {
  private readonly delta: number;
  private readonly clock: number;
  private readonly alarmOn: AlarmOn;
  private readonly totals = new Float64Array(ROWS_MAX * SLOTS);
  private readonly variances = new Float64Array(ROWS_MAX * SLOTS);
  private readonly used = new Uint8Array(ROWS_MAX);
  private status: StreamStatus = 'clear';
  private rows = 1;
  private ticks = 0;
  private width = 0;
  private total = 0;
  private variance = 0;

  constructor({ delta = 0.002, clock = 32, alarmOn = 'rise' }: AdwinRule = {}) {
    checkBetween('delta', delta, 0, 1);
    checkCount('clock', clock, 1);
    this.delta = delta;
    this.clock = clock;
    this.alarmOn = alarmOn;
  }

  /**
   * Goes on from a {@link state}.
   * @example AdwinDetector.from(new AdwinDetector().state()).window() // => { kind: 'insufficient' }
   */
  static from(state: AdwinState): AdwinDetector {
    const restored = new AdwinDetector(state);
    restored.status = state.status;
    restored.ticks = state.ticks;
    restored.total = state.total;
    restored.variance = state.variance;
    restored.rows = Math.max(1, state.rows.length);
    state.rows.forEach((row, r) => {
      restored.used[r] = row.length;
      restored.width += row.length * 2 ** r;
      row.forEach((bucket, k) => {
        restored.totals[r * SLOTS + k] = bucket.total;
        restored.variances[r * SLOTS + k] = bucket.variance;
      });
    });
    return restored;
  }

  update(value: number): StreamStatus {
    if (!(value >= 0 && value <= 1)) throw invalid('value', value, 'must be between 0 and 1');
    if (this.status === 'drift') this.restart();
    this.insert(value);
    this.ticks++;
    if (this.ticks % this.clock === 0 && this.width > GRACE_VALUES) this.shrink();
    return this.status;
  }

  /** Mean and number of the values the window holds now; `insufficient` before the first. */
  window():
    { readonly kind: 'measured'; readonly mean: number; readonly rows: number } | { readonly kind: 'insufficient' } {
    if (this.width === 0) return { kind: 'insufficient' };
    return { kind: 'measured', mean: this.total / this.width, rows: this.width };
  }

  state(): AdwinState {
    const { delta, clock, alarmOn, status, ticks, total, variance } = this;
    const rows = Array.from({ length: this.rows }, (_, r) =>
      Array.from({ length: this.used[r]! }, (_, k) => ({
        total: this.totals[r * SLOTS + k]!,
        variance: this.variances[r * SLOTS + k]!,
      })),
    );
    return { kind: 'adwin', delta, clock, alarmOn, status, ticks, total, variance, rows };
  }

  private restart(): void {
    this.status = 'clear';
    this.used.fill(0);
    this.rows = 1;
    this.ticks = this.width = this.total = this.variance = 0;
  }

  /** Drops old buckets until no cut is left. The first cut tells which way the mean went. */
  private shrink(): void {
    let change = 0;
    for (let cut = this.cutFound(); cut !== 0; cut = this.cutFound()) {
      if (change === 0) change = cut;
      this.dropOldest();
    }
    if (change > 0 || (change < 0 && this.alarmOn === 'change')) this.status = 'drift';
  }

  private insert(value: number): void {
    const at = this.used[0]!;
    this.totals[at] = value;
    this.variances[at] = 0;
    this.used[0] = at + 1;
    if (this.width > 0) {
      const distance = value - this.total / this.width;
      this.variance += (this.width * distance * distance) / (this.width + 1);
    }
    this.width++;
    this.total += value;
    if (at === BUCKETS_PER_ROW) this.compress();
  }

  /** Joins the two oldest buckets of every row that has more than five into one of the next row. */
  private compress(): void {
    const { totals, variances, used } = this;
    for (let row = 0; used[row] === SLOTS; row++) {
      const at = row * SLOTS;
      const to = (row + 1) * SLOTS + used[row + 1]!;
      const size = 2 ** row;
      const distance = (totals[at]! - totals[at + 1]!) / size;
      totals[to] = totals[at]! + totals[at + 1]!;
      variances[to] = variances[at]! + variances[at + 1]! + (size / 2) * distance * distance;
      used[row + 1]!++;
      this.rows = Math.max(this.rows, row + 2);
      totals.copyWithin(at, at + 2, at + SLOTS);
      variances.copyWithin(at, at + 2, at + SLOTS);
      used[row] = SLOTS - 2;
    }
  }

  private dropOldest(): void {
    const row = this.rows - 1;
    const at = row * SLOTS;
    const size = 2 ** row;
    this.width -= size;
    this.total -= this.totals[at]!;
    const distance = this.totals[at]! / size - this.total / this.width;
    this.variance -= this.variances[at]! + (size * this.width * distance * distance) / (size + this.width);
    this.totals.copyWithin(at, at + 1, at + SLOTS);
    this.variances.copyWithin(at, at + 1, at + SLOTS);
    this.used[row]!--;
    while (this.rows > 1 && this.used[this.rows - 1] === 0) this.rows--;
  }

  /** Newer mean minus older mean at the first cut, oldest first, where they differ too much; 0 when there is none. */
  private cutFound(): number {
    const { totals, used, width, total } = this;
    const logTerm = Math.log((2 * Math.log(width)) / this.delta);
    const spread = (2 * this.variance * logTerm) / width;
    let older = 0;
    let olderTotal = 0;
    for (let row = this.rows - 1; row >= 0; row--) {
      const size = 2 ** row;
      for (let k = 0; k < used[row]!; k++) {
        older += size;
        olderTotal += totals[row * SLOTS + k]!;
        const newer = width - older;
        if (newer < MIN_SIDE) return 0;
        if (older < MIN_SIDE) continue;
        const change = (total - olderTotal) / newer - olderTotal / older;
        const harmonic = 1 / (older - MIN_SIDE + 1) + 1 / (newer - MIN_SIDE + 1);
        if (Math.abs(change) > Math.sqrt(Math.max(0, harmonic * spread)) + (2 / 3) * logTerm * harmonic) return change;
      }
    }
    return 0;
  }
}
