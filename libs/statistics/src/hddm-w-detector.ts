import { checkBetween, invalid } from './checks.js';
import { hddmRule, type HddmRule } from './hddm-a-detector.js';
import type { AlarmOn, StreamDetector, StreamStatus } from './stream-detector.js';

/** Settings of {@link HddmWDetector}. */
export interface HddmWRule extends HddmRule {
  /** Weight of the newest value, 0..1; default 0.05. */
  readonly lambda?: number;
}

/** An exponentially weighted mean; `bound` is the sum of its squared weights, 1 before the first value. */
interface WeightedMean {
  readonly n: number;
  readonly mean: number;
  readonly bound: number;
}

/** Plain JSON. */
export interface HddmWState {
  readonly kind: 'hddm-w';
  readonly driftLevel: number;
  readonly warningLevel: number;
  readonly lambda: number;
  readonly alarmOn: AlarmOn;
  readonly status: StreamStatus;
  readonly all: WeightedMean;
  /** Before and after the cut where the mean's upper bound was lowest. */
  readonly lowest: { readonly before: WeightedMean; readonly after: WeightedMean };
  /** Before and after the cut where the mean's lower bound was highest. */
  readonly highest: { readonly before: WeightedMean; readonly after: WeightedMean };
}

class MovingMean {
  n = 0;
  mean = 0;
  bound = 1;

  add(value: number, lambda: number): void {
    this.mean = this.n === 0 ? value : lambda * value + (1 - lambda) * this.mean;
    this.n++;
    this.bound = lambda * lambda + (1 - lambda) * (1 - lambda) * this.bound;
  }

  set({ n, mean, bound }: WeightedMean): void {
    this.n = n;
    this.mean = mean;
    this.bound = bound;
  }

  get copy(): WeightedMean {
    return { n: this.n, mean: this.mean, bound: this.bound };
  }
}

const empty: WeightedMean = { n: 0, mean: 0, bound: 1 };

/**
 * HDDM-W: as HDDM-A with exponentially weighted means and McDiarmid's bound, for gradual changes of values in [0, 1]. The
 * level holds at one value, not over the stream's life.
 * Source: Frías-Blanco et al. (2015), IEEE TKDE 27:810; alarms as River's HDDM_W.
 * @example new HddmWDetector({ lambda: 0.05 }).update(0) // => 'clear'
 */
export class HddmWDetector implements StreamDetector<HddmWState> {
  private readonly driftLevel: number;
  private readonly warningLevel: number;
  private readonly alarmOn: AlarmOn;
  private readonly lambda: number;
  private status: StreamStatus = 'clear';
  private readonly all = new MovingMean();
  private readonly lowestBefore = new MovingMean();
  private readonly lowestAfter = new MovingMean();
  private readonly highestBefore = new MovingMean();
  private readonly highestAfter = new MovingMean();

  constructor(rule: HddmWRule = {}) {
    const { lambda = 0.05 } = rule;
    const { driftLevel, warningLevel, alarmOn } = hddmRule(rule);
    checkBetween('lambda', lambda, 0, 1);
    this.driftLevel = driftLevel;
    this.warningLevel = warningLevel;
    this.alarmOn = alarmOn;
    this.lambda = lambda;
  }

  /**
   * Goes on from a {@link state}.
   * @example HddmWDetector.from(new HddmWDetector().state()).update(1) // => 'clear'
   */
  static from(state: HddmWState): HddmWDetector {
    const restored = new HddmWDetector(state);
    restored.status = state.status;
    restored.all.set(state.all);
    restored.lowestBefore.set(state.lowest.before);
    restored.lowestAfter.set(state.lowest.after);
    restored.highestBefore.set(state.highest.before);
    restored.highestAfter.set(state.highest.after);
    return restored;
  }

  update(value: number): StreamStatus {
    if (!(value >= 0 && value <= 1)) throw invalid('value', value, 'must be between 0 and 1');
    if (this.status === 'drift') {
      for (const mean of [this.all, this.lowestBefore, this.lowestAfter, this.highestBefore, this.highestAfter])
        mean.set(empty);
    }
    this.all.add(value, this.lambda);
    const reach = Math.sqrt((this.all.bound * Math.log(1 / this.driftLevel)) / 2);
    const { lowestBefore, lowestAfter, highestBefore, highestAfter } = this;
    if (lowestBefore.n === 0 || this.all.mean + reach < lowestBefore.mean + this.reachOf(lowestBefore)) {
      lowestBefore.set(this.all);
      lowestAfter.set(empty);
    } else lowestAfter.add(value, this.lambda);
    if (highestBefore.n === 0 || this.all.mean - reach > highestBefore.mean - this.reachOf(highestBefore)) {
      highestBefore.set(this.all);
      highestAfter.set(empty);
    } else highestAfter.add(value, this.lambda);
    const risen = this.judged(lowestBefore, lowestAfter, lowestAfter.mean - lowestBefore.mean);
    const fallen =
      this.alarmOn === 'change'
        ? this.judged(highestBefore, highestAfter, highestBefore.mean - highestAfter.mean)
        : 'clear';
    if (risen === 'drift' || fallen === 'drift') this.status = 'drift';
    else this.status = risen === 'warning' || fallen === 'warning' ? 'warning' : 'clear';
    return this.status;
  }

  state(): HddmWState {
    const { driftLevel, warningLevel, lambda, alarmOn, status } = this;
    return {
      kind: 'hddm-w',
      driftLevel,
      warningLevel,
      lambda,
      alarmOn,
      status,
      all: this.all.copy,
      lowest: { before: this.lowestBefore.copy, after: this.lowestAfter.copy },
      highest: { before: this.highestBefore.copy, after: this.highestAfter.copy },
    };
  }

  private reachOf({ bound }: MovingMean): number {
    return Math.sqrt((bound * Math.log(1 / this.driftLevel)) / 2);
  }

  private judged(before: MovingMean, after: MovingMean, change: number): StreamStatus {
    if (before.n === 0 || after.n === 0) return 'clear';
    const bound = (before.bound + after.bound) / 2;
    if (change > Math.sqrt(bound * Math.log(1 / this.driftLevel))) return 'drift';
    return change > Math.sqrt(bound * Math.log(1 / this.warningLevel)) ? 'warning' : 'clear';
  }
}
