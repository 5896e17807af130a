import { checkCount, invalid } from './checks.js';
import type { StreamDetector, StreamStatus } from './stream-detector.js';

/** Settings of {@link EddmDetector}. */
export interface EddmRule {
  /** Values, and errors, before anything is judged; default 30. */
  readonly warmUp?: number;
  /** Share of the longest distance between errors below which it warns; default 0.95. */
  readonly warningBelow?: number;
  /** The same for drift; default 0.9. */
  readonly driftBelow?: number;
}

/** Plain JSON. */
export interface EddmState {
  readonly kind: 'eddm';
  readonly warmUp: number;
  readonly warningBelow: number;
  readonly driftBelow: number;
  readonly status: StreamStatus;
  readonly values: number;
  readonly errors: number;
  readonly lastError: number;
  readonly meanDistance: number;
  /** Sum of squared deviations of the distances from their mean. */
  readonly squares: number;
  /** Longest mean + 2 standard deviations seen; 0 before the first. */
  readonly longest: number;
}

/**
 * EDDM, early drift detection: the distance between errors shrinks against the longest it has been. Meant for slow drift
 * at low error rates; takes 0 (right) and 1 (wrong); growing distances never alarm. It has no stated false alarm rate and
 * its own paper's limits raise many: prefer HDDM where that matters.
 * Source: Baena-García et al. (2006), Workshop on Knowledge Discovery from Data Streams; alarms as River's EDDM.
 * @example new EddmDetector().update(0) // => 'clear'
 */
export class EddmDetector implements StreamDetector<EddmState> {
  private readonly warmUp: number;
  private readonly warningBelow: number;
  private readonly driftBelow: number;
  private status: StreamStatus = 'clear';
  private values = 0;
  private errors = 0;
  private lastError = 0;
  private meanDistance = 0;
  private squares = 0;
  private longest = 0;

  constructor({ warmUp = 30, warningBelow = 0.95, driftBelow = 0.9 }: EddmRule = {}) {
    checkCount('warmUp', warmUp, 1);
    if (!(driftBelow > 0 && driftBelow < 1)) throw invalid('driftBelow', driftBelow, 'must be above 0 and below 1');
    if (!(warningBelow >= driftBelow && warningBelow <= 1))
      throw invalid('warningBelow', warningBelow, 'must be between driftBelow and 1');
    this.warmUp = warmUp;
    this.warningBelow = warningBelow;
    this.driftBelow = driftBelow;
  }

  /**
   * Goes on from a {@link state}.
   * @example EddmDetector.from(new EddmDetector().state()).update(1) // => 'clear'
   */
  static from(state: EddmState): EddmDetector {
    const restored = new EddmDetector(state);
    restored.status = state.status;
    restored.values = state.values;
    restored.errors = state.errors;
    restored.lastError = state.lastError;
    restored.meanDistance = state.meanDistance;
    restored.squares = state.squares;
    restored.longest = state.longest;
    return restored;
  }

  update(value: number): StreamStatus {
    if (value !== 0 && value !== 1) throw invalid('value', value, 'must be 0 or 1');
    if (this.status === 'drift') this.restart();
    this.values++;
    if (value === 1) this.afterError(this.values - this.lastError);
    return this.status;
  }

  state(): EddmState {
    const { warmUp, warningBelow, driftBelow, status, values, errors, lastError, meanDistance, squares, longest } =
      this;
    return {
      kind: 'eddm',
      warmUp,
      warningBelow,
      driftBelow,
      status,
      values,
      errors,
      lastError,
      meanDistance,
      squares,
      longest,
    };
  }

  private afterError(distance: number): void {
    this.errors++;
    const before = distance - this.meanDistance;
    this.meanDistance += before / this.errors;
    this.squares += before * (distance - this.meanDistance);
    this.lastError = this.values;
    if (this.values <= this.warmUp) return;
    const deviation = this.errors > 1 ? Math.sqrt(this.squares / (this.errors - 1)) : 0;
    const reached = this.meanDistance + 2 * deviation;
    if (reached > this.longest) this.longest = reached;
    else if (this.errors > this.warmUp) {
      const share = reached / this.longest;
      if (share < this.driftBelow) this.status = 'drift';
      else this.status = share < this.warningBelow ? 'warning' : 'clear';
    }
  }

  private restart(): void {
    this.status = 'clear';
    this.values = 0;
    this.errors = 0;
    this.lastError = 0;
    this.meanDistance = 0;
    this.squares = 0;
    this.longest = 0;
  }
}
