import { checkBetween, checkCount, checkNumber, invalid } from './checks.js';
import { ksTwoSampleSorted } from './kolmogorov-smirnov.js';
import type { AlarmOn, StreamDetector, StreamStatus } from './stream-detector.js';

/** Settings of {@link KswinDetector}. */
export interface KswinRule {
  /** Level of one test, 0..1; default 0.005. Many values mean many tests: choose it far below the rate you can bear. */
  readonly level?: number;
  /** Values kept; default 100. */
  readonly window?: number;
  /** Newest values compared with as many drawn from the older ones; default 30, at most half of `window`. */
  readonly recent?: number;
  /** Which older values are drawn; default 0. */
  readonly seed?: number;
  /** Default `rise`. With `change` a change of spread alone alarms too. */
  readonly alarmOn?: AlarmOn;
}

/** Plain JSON. */
export interface KswinState {
  readonly kind: 'kswin';
  readonly level: number;
  readonly window: number;
  readonly recent: number;
  readonly seed: number;
  readonly alarmOn: AlarmOn;
  readonly status: StreamStatus;
  /** Values since the last drift; with the seed it chooses the draw. */
  readonly values: number;
  /** Oldest first, at most `window` of them. */
  readonly kept: readonly number[];
}

/** Smaller distances are never reported, however many values are compared. */
const MIN_DISTANCE = 0.1;

/**
 * KSWIN: a Kolmogorov-Smirnov test of the newest values against a sample of the older ones in a sliding window; sees changes
 * of shape too. Source: Raab, Heusinger & Schleif (2020), Neurocomputing 416:340. Alarms as River's KSWIN wherever the draw
 * leaves no choice (`window` = 2 · `recent`); otherwise another generator draws, so single positions differ.
 * @example new KswinDetector({ level: 0.005 }).update(0.3) // => 'clear'
 */
export class KswinDetector implements StreamDetector<KswinState> {
  private readonly rule: Required<KswinRule>;
  /** Least distance, in units of 1 / `recent`, that is significant. */
  private readonly critical: number;
  private readonly ring: Float64Array;
  private readonly order: Uint32Array;
  private readonly older: Float64Array;
  private readonly newer: Float64Array;
  private status: StreamStatus = 'clear';
  private values = 0;

  constructor({ level = 0.005, window = 100, recent = 30, seed = 0, alarmOn = 'rise' }: KswinRule = {}) {
    checkBetween('level', level, 0, 1);
    checkCount('recent', recent, 2);
    checkCount('window', window, 4);
    checkCount('seed', seed);
    if (2 * recent > window) throw invalid('recent', recent, `must be at most half of window (${window})`);
    this.rule = { level, window, recent, seed, alarmOn };
    this.critical = criticalSteps(recent, level);
    this.ring = new Float64Array(window);
    this.order = new Uint32Array(window - recent);
    this.older = new Float64Array(recent);
    this.newer = new Float64Array(recent);
  }

  /**
   * Goes on from a {@link state}.
   * @example KswinDetector.from(new KswinDetector().state()).update(1) // => 'clear'
   */
  static from(state: KswinState): KswinDetector {
    const restored = new KswinDetector(state);
    restored.status = state.status;
    restored.values = state.values;
    const first = state.values - state.kept.length;
    state.kept.forEach((value, i) => (restored.ring[(first + i) % state.window] = value));
    return restored;
  }

  update(value: number): StreamStatus {
    checkNumber('value', value);
    if (this.status === 'drift') this.values = 0;
    this.ring[this.values % this.rule.window] = value;
    this.values++;
    this.status = this.values >= this.rule.window && this.changed() ? 'drift' : 'clear';
    return this.status;
  }

  state(): KswinState {
    const { rule, status, values, ring } = this;
    const length = Math.min(values, rule.window);
    const kept = Array.from({ length }, (_, i) => ring[(values - length + i) % rule.window]!);
    return { kind: 'kswin', ...rule, status, values, kept };
  }

  private changed(): boolean {
    const { window, recent, alarmOn } = this.rule;
    const { ring, older, newer, values } = this;
    this.draw();
    let change = 0;
    for (let i = 0; i < recent; i++) {
      newer[i] = ring[(values - recent + i) % window]!;
      older[i] = ring[(values - window + this.order[i]!) % window]!;
      change += newer[i]! - older[i]!;
    }
    if (alarmOn === 'rise' && change <= 0) return false;
    const distance = largestStep(older.sort(), newer.sort());
    return distance >= this.critical && distance > MIN_DISTANCE * recent;
  }

  /** Puts `recent` different positions, chosen by seed and time alone, at the front of `order`. */
  private draw(): void {
    const { order } = this;
    const { recent, seed } = this.rule;
    for (let i = 0; i < order.length; i++) order[i] = i;
    if (order.length === recent) return;
    let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ this.values) | 0;
    for (let i = 0; i < recent; i++) {
      state = (state + 0x9e3779b9) | 0;
      let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
      mixed = (mixed ^ (mixed >>> 15)) >>> 0;
      const chosen = i + Math.floor((mixed / 4_294_967_296) * (order.length - i));
      const taken = order[chosen]!;
      order[chosen] = order[i]!;
      order[i] = taken;
    }
  }
}

/** Kolmogorov-Smirnov distance of two ascending samples of equal size, in steps of one value. */
function largestStep(a: Float64Array, b: Float64Array): number {
  const size = a.length;
  let i = 0;
  let j = 0;
  let largest = 0;
  while (i < size && j < size) {
    const value = Math.min(a[i]!, b[j]!);
    while (i < size && a[i] === value) i++;
    while (j < size && b[j] === value) j++;
    largest = Math.max(largest, Math.abs(i - j));
  }
  return largest;
}

/** Least distance, in steps, whose exact p-value is at or below the level; more than all steps when none is. */
function criticalSteps(size: number, level: number): number {
  const ascending = Float64Array.from({ length: size }, (_, i) => i);
  for (let steps = 1; steps <= size; steps++) {
    const shifted = ascending.map((value) => value + steps - 0.5);
    if (ksTwoSampleSorted(ascending, shifted).pValue <= level) return steps;
  }
  return size + 1;
}
