import { checkBetween, invalid } from './checks.js';
import type { AlarmOn, StreamDetector, StreamStatus } from './stream-detector.js';

/** Settings of {@link HddmADetector} and the one for moving averages. */
export interface HddmRule {
  /** Chance of a false drift at one value, 0..1; default 0.001. */
  readonly driftLevel?: number;
  /** The same for warnings, not below it; default 0.005. */
  readonly warningLevel?: number;
  /** Default `rise`. */
  readonly alarmOn?: AlarmOn;
}

interface RunningMean {
  readonly n: number;
  readonly mean: number;
}

/** Plain JSON. */
export interface HddmAState {
  readonly kind: 'hddm-a';
  readonly driftLevel: number;
  readonly warningLevel: number;
  readonly alarmOn: AlarmOn;
  readonly status: StreamStatus;
  /** All values since the last drift; those up to the lowest and to the highest bound of the mean. */
  readonly all: RunningMean;
  readonly lowest: RunningMean;
  readonly highest: RunningMean;
}

/**
 * HDDM-A: compares the mean of all values in [0, 1] with the mean at the cut where it was best, by Hoeffding's bound. For
 * sudden changes. The level holds at one value, not over the stream's life.
 * Source: Frías-Blanco et al. (2015), IEEE TKDE 27:810; alarms as River's HDDM_A.
 * @example new HddmADetector().update(0) // => 'clear'
 */
export class HddmADetector implements StreamDetector<HddmAState> {
  private readonly driftLevel: number;
  private readonly warningLevel: number;
  private readonly alarmOn: AlarmOn;
  /** ln(1 / driftLevel) / 2. */
  private readonly reach: number;
  private status: StreamStatus = 'clear';
  private n = 0;
  private mean = 0;
  private lowestN = 0;
  private lowestMean = 0;
  private highestN = 0;
  private highestMean = 0;

  constructor(rule: HddmRule = {}) {
    const { driftLevel, warningLevel, alarmOn } = hddmRule(rule);
    this.driftLevel = driftLevel;
    this.warningLevel = warningLevel;
    this.alarmOn = alarmOn;
    this.reach = Math.log(1 / driftLevel) / 2;
  }

  /**
   * Goes on from a {@link state}.
   * @example HddmADetector.from(new HddmADetector().state()).update(1) // => 'clear'
   */
  static from(state: HddmAState): HddmADetector {
    const restored = new HddmADetector(state);
    restored.status = state.status;
    ({ n: restored.n, mean: restored.mean } = state.all);
    ({ n: restored.lowestN, mean: restored.lowestMean } = state.lowest);
    ({ n: restored.highestN, mean: restored.highestMean } = state.highest);
    return restored;
  }

  update(value: number): StreamStatus {
    if (!(value >= 0 && value <= 1)) throw invalid('value', value, 'must be between 0 and 1');
    if (this.status === 'drift') this.n = this.lowestN = this.highestN = 0;
    if (this.n === 0) this.mean = 0;
    this.n++;
    this.mean += (value - this.mean) / this.n;
    const bound = Math.sqrt(this.reach / this.n);
    if (this.lowestN === 0 || this.lowestMean + Math.sqrt(this.reach / this.lowestN) >= this.mean + bound) {
      this.lowestN = this.n;
      this.lowestMean = this.mean;
    }
    if (this.highestN === 0 || this.highestMean - Math.sqrt(this.reach / this.highestN) <= this.mean - bound) {
      this.highestN = this.n;
      this.highestMean = this.mean;
    }
    const risen = this.judged(this.lowestN, this.mean - this.lowestMean);
    const fallen = this.alarmOn === 'change' ? this.judged(this.highestN, this.highestMean - this.mean) : 'clear';
    if (risen === 'drift' || fallen === 'drift') this.status = 'drift';
    else this.status = risen === 'warning' || fallen === 'warning' ? 'warning' : 'clear';
    return this.status;
  }

  state(): HddmAState {
    const { driftLevel, warningLevel, alarmOn, status } = this;
    return {
      kind: 'hddm-a',
      driftLevel,
      warningLevel,
      alarmOn,
      status,
      all: { n: this.n, mean: this.mean },
      lowest: { n: this.lowestN, mean: this.lowestMean },
      highest: { n: this.highestN, mean: this.highestMean },
    };
  }

  private judged(cut: number, change: number): StreamStatus {
    if (cut === this.n) return 'clear';
    const half = (this.n - cut) / cut / this.n / 2;
    if (change >= Math.sqrt(half * Math.log(2 / this.driftLevel))) return 'drift';
    return change >= Math.sqrt(half * Math.log(2 / this.warningLevel)) ? 'warning' : 'clear';
  }
}

/** Defaults of both HDDM detectors, checked. */
export function hddmRule({ driftLevel = 0.001, warningLevel = 0.005, alarmOn = 'rise' }: HddmRule): Required<HddmRule> {
  checkBetween('driftLevel', driftLevel, 0, 1);
  if (!(warningLevel >= driftLevel && warningLevel < 1))
    throw invalid('warningLevel', warningLevel, 'must be below 1 and not below driftLevel');
  return { driftLevel, warningLevel, alarmOn };
}
