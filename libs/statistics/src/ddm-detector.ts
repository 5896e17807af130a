import { checkBetween, checkCount, invalid } from './checks.js';
import type { StreamDetector, StreamStatus } from './stream-detector.js';

/** Settings of {@link DdmDetector}. */
export interface DdmRule {
  /** Values before anything is judged; default 30. */
  readonly warmUp?: number;
  /** Standard deviations above the best error rate seen; default 2 and 3. */
  readonly warningAt?: number;
  readonly driftAt?: number;
}

/** Plain JSON. */
export interface DdmState {
  readonly kind: 'ddm';
  readonly warmUp: number;
  readonly warningAt: number;
  readonly driftAt: number;
  readonly status: StreamStatus;
  readonly values: number;
  readonly mean: number;
  /** Best error rate and its standard deviation; null before the warm-up ends. */
  readonly best: { readonly rate: number; readonly deviation: number } | null;
}

/**
 * DDM, the drift detection method: an error rate that rises some standard deviations above the lowest it has been. Takes
 * 0 (right) and 1 (wrong); a falling rate never alarms. It has no stated false alarm rate.
 * Source: Gama et al. (2004), SBIA; alarms as River's DDM.
 * @example new DdmDetector({ warmUp: 2 }).update(0) // => 'clear'
 */
export class DdmDetector implements StreamDetector<DdmState> {
  private readonly warmUp: number;
  private readonly warningAt: number;
  private readonly driftAt: number;
  private status: StreamStatus = 'clear';
  private values = 0;
  private mean = 0;
  private bestRate = 0;
  private bestDeviation = Infinity;

  constructor({ warmUp = 30, warningAt = 2, driftAt = 3 }: DdmRule = {}) {
    checkCount('warmUp', warmUp, 1);
    checkBetween('driftAt', driftAt, 0, Infinity);
    if (!(warningAt > 0 && warningAt <= driftAt))
      throw invalid('warningAt', warningAt, 'must be above 0, up to driftAt');
    this.warmUp = warmUp;
    this.warningAt = warningAt;
    this.driftAt = driftAt;
  }

  /**
   * Goes on from a {@link state}.
   * @example DdmDetector.from(new DdmDetector().state()).update(1) // => 'clear'
   */
  static from(state: DdmState): DdmDetector {
    const restored = new DdmDetector(state);
    restored.status = state.status;
    restored.values = state.values;
    restored.mean = state.mean;
    restored.bestRate = state.best?.rate ?? 0;
    restored.bestDeviation = state.best?.deviation ?? Infinity;
    return restored;
  }

  update(value: number): StreamStatus {
    if (value !== 0 && value !== 1) throw invalid('value', value, 'must be 0 or 1');
    if (this.status === 'drift') this.restart();
    this.values++;
    this.mean += (value - this.mean) / this.values;
    if (this.values <= this.warmUp) return this.status;
    const deviation = Math.sqrt(Math.max(0, this.mean * (1 - this.mean)) / this.values);
    const reached = this.mean + deviation;
    if (reached <= this.bestRate + this.bestDeviation) {
      this.bestRate = this.mean;
      this.bestDeviation = deviation;
    }
    if (reached > this.bestRate + this.driftAt * this.bestDeviation) this.status = 'drift';
    else this.status = reached > this.bestRate + this.warningAt * this.bestDeviation ? 'warning' : 'clear';
    return this.status;
  }

  state(): DdmState {
    const { warmUp, warningAt, driftAt, status, values, mean, bestRate, bestDeviation } = this;
    const best = bestDeviation === Infinity ? null : { rate: bestRate, deviation: bestDeviation };
    return { kind: 'ddm', warmUp, warningAt, driftAt, status, values, mean, best };
  }

  private restart(): void {
    this.status = 'clear';
    this.values = 0;
    this.mean = 0;
    this.bestRate = 0;
    this.bestDeviation = Infinity;
  }
}
