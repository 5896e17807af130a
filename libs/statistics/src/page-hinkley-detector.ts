import { checkAtLeast, checkBetween, checkCount, checkNumber, invalid } from './checks.js';
import type { AlarmOn, StreamDetector, StreamStatus } from './stream-detector.js';

/** Settings of {@link PageHinkleyDetector}. */
export interface PageHinkleyRule {
  /** Change of the mean that is ignored, in the unit of the values, >= 0. */
  readonly tolerance: number;
  /** Accumulated excess that counts, in the unit of the values, > 0. */
  readonly threshold: number;
  /** Nothing is detected before; default 30. */
  readonly minValues?: number;
  /** Weight a past excess keeps per value, above 0 to 1; default 1 (nothing is forgotten). */
  readonly fading?: number;
  /** Default `rise`. */
  readonly alarmOn?: AlarmOn;
}

/** Plain JSON. */
export interface PageHinkleyState {
  readonly kind: 'page-hinkley';
  readonly tolerance: number;
  readonly threshold: number;
  readonly minValues: number;
  readonly fading: number;
  readonly alarmOn: AlarmOn;
  readonly status: StreamStatus;
  readonly values: number;
  readonly mean: number;
  /** Accumulated excess over the mean, and the least and most it has been; 0 before the first value. */
  readonly rising: number;
  readonly lowest: number;
  readonly falling: number;
  readonly highest: number;
}

/**
 * Page and Hinkley's detector of a change of a stream's mean (an error rate, a lag; any finite values). It has no stated
 * false alarm rate: choose the threshold on history. Source: Page (1954), Biometrika 41:100;
 * alarms as River's PageHinkley (there `fading` is `alpha`).
 * @example new PageHinkleyDetector({ tolerance: 0, threshold: 1, minValues: 1 }).update(9) // => 'clear'
 */
export class PageHinkleyDetector implements StreamDetector<PageHinkleyState> {
  private readonly rule: Required<PageHinkleyRule>;
  private status: StreamStatus = 'clear';
  private values = 0;
  private mean = 0;
  private rising = 0;
  private lowest = 0;
  private falling = 0;
  private highest = 0;

  constructor({ tolerance, threshold, minValues = 30, fading = 1, alarmOn = 'rise' }: PageHinkleyRule) {
    checkAtLeast('tolerance', tolerance, 0);
    checkBetween('threshold', threshold, 0, Infinity);
    checkCount('minValues', minValues, 1);
    if (!(fading > 0 && fading <= 1)) throw invalid('fading', fading, 'must be above 0, up to 1');
    this.rule = { tolerance, threshold, minValues, fading, alarmOn };
  }

  /**
   * Goes on from a {@link state}.
   * @example PageHinkleyDetector.from(new PageHinkleyDetector({ tolerance: 0, threshold: 1 }).state()).update(1) // => 'clear'
   */
  static from(state: PageHinkleyState): PageHinkleyDetector {
    const restored = new PageHinkleyDetector(state);
    restored.status = state.status;
    restored.values = state.values;
    restored.mean = state.mean;
    restored.rising = state.rising;
    restored.lowest = state.lowest;
    restored.falling = state.falling;
    restored.highest = state.highest;
    return restored;
  }

  update(value: number): StreamStatus {
    checkNumber('value', value);
    const { tolerance, threshold, minValues, fading, alarmOn } = this.rule;
    if (this.status === 'drift') {
      this.values = this.mean = this.rising = this.lowest = this.falling = this.highest = 0;
      this.status = 'clear';
    }
    this.values++;
    this.mean += (value - this.mean) / this.values;
    const excess = value - this.mean;
    this.rising = fading * this.rising + excess - tolerance;
    this.falling = fading * this.falling + excess + tolerance;
    this.lowest = Math.min(this.lowest, this.rising);
    this.highest = Math.max(this.highest, this.falling);
    const risen = this.rising - this.lowest > threshold;
    const fallen = alarmOn === 'change' && this.highest - this.falling > threshold;
    if (this.values >= minValues && (risen || fallen)) this.status = 'drift';
    return this.status;
  }

  state(): PageHinkleyState {
    const { rule, status, values, mean, rising, lowest, falling, highest } = this;
    return { kind: 'page-hinkley', ...rule, status, values, mean, rising, lowest, falling, highest };
  }
}
