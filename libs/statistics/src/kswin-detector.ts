import { mixBits } from '@rondo/kernel';
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
/** Values after which it is asked again whether a draw can matter, while it can. */
const ASK_AGAIN = 16;

/**
 * KSWIN: a Kolmogorov-Smirnov test of the newest values against a sample of the older ones in a sliding window; sees changes
 * of shape too. Source: Raab, Heusinger & Schleif (2020), Neurocomputing 416:340. Alarms as River's KSWIN wherever the draw
 * leaves no choice (`window` = 2 · `recent`); otherwise another generator draws, so single positions differ.
 * @example new KswinDetector({ level: 0.005 }).update(0.3) // => 'clear'
 */
export class KswinDetector implements StreamDetector<KswinState> {
  private readonly rule: Required<KswinRule>;
  /** Least distance, in units of 1 / `recent`, that is reported. */
  private readonly needed: number;
  private readonly ring: Float64Array;
  /** The window's older and newest values, ascending, once it is full. */
  private readonly older: Float64Array;
  private readonly newer: Float64Array;
  /** Before this many values no draw can find anything. */
  private quietUntil = 0;
  /** When to ask again whether any can. */
  private askAt = 0;
  private status: StreamStatus = 'clear';
  private values = 0;

  constructor({ level = 0.005, window = 100, recent = 30, seed = 0, alarmOn = 'rise' }: KswinRule = {}) {
    checkBetween('level', level, 0, 1);
    checkCount('recent', recent, 2);
    checkCount('window', window, 4);
    checkCount('seed', seed);
    if (2 * recent > window) throw invalid('recent', recent, `must be at most half of window (${window})`);
    this.rule = { level, window, recent, seed, alarmOn };
    this.needed = Math.max(criticalSteps(recent, level), Math.floor(MIN_DISTANCE * recent) + 1);
    this.ring = new Float64Array(window);
    this.older = new Float64Array(window - recent);
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
    if (state.values >= state.window) restored.sort();
    return restored;
  }

  update(value: number): StreamStatus {
    checkNumber('value', value);
    const { window, recent } = this.rule;
    if (this.status === 'drift') this.values = this.quietUntil = this.askAt = 0;
    const { ring, older, newer, values } = this;
    const at = values % window;
    const oldest = ring[at]!;
    ring[at] = value;
    this.values = values + 1;
    if (values >= window) {
      const aged = ring[(values - recent) % window]!;
      replace(older, oldest, aged);
      replace(newer, aged, value);
    } else if (values + 1 === window) this.sort();
    this.status = values + 1 >= window && !this.surelyQuiet() && this.changed() ? 'drift' : 'clear';
    return this.status;
  }

  state(): KswinState {
    const { rule, status, values, ring } = this;
    const length = Math.min(values, rule.window);
    const kept = Array.from({ length }, (_, i) => ring[(values - length + i) % rule.window]!);
    return { kind: 'kswin', ...rule, status, values, kept };
  }

  private sort(): void {
    const { ring, older, newer, values } = this;
    const { window, recent } = this.rule;
    for (let i = 0; i < older.length; i++) older[i] = ring[(values - window + i) % window]!;
    for (let i = 0; i < recent; i++) newer[i] = ring[(values - recent + i) % window]!;
    older.sort();
    newer.sort();
  }

  /** Whether no draw of the older values can be as far from the newest as is needed; a value more moves that by two at most. */
  private surelyQuiet(): boolean {
    const { values, needed } = this;
    if (values < this.quietUntil) return true;
    if (values < this.askAt) return false;
    const slack = needed - 1 - this.largestPossible();
    if (slack >= 0) this.quietUntil = values + 1 + (slack >> 1);
    this.askAt = slack >= 0 ? this.quietUntil : values + ASK_AGAIN;
    return slack >= 0;
  }

  /** The largest distance, in steps, that any draw has: it holds at least what the values left out leave, at most all. */
  private largestPossible(): number {
    const { older, newer } = this;
    const [recent, all] = [newer.length, older.length];
    const leftOut = all - recent;
    let [passed, under, largest] = [0, 0, 0];
    while (passed < recent || under < all) {
      const value =
        passed === recent || (under < all && older[under]! < newer[passed]!) ? older[under]! : newer[passed]!;
      while (passed < recent && newer[passed] === value) passed++;
      while (under < all && older[under] === value) under++;
      const above = passed - (under > leftOut ? under - leftOut : 0);
      const below = (under < recent ? under : recent) - passed;
      if (above > largest) largest = above;
      if (below > largest) largest = below;
    }
    return largest;
  }

  /**
   * Walks the newest values and as many of the older ones, both ascending. Which of these are drawn is decided one by one, so that every
   * choice of that many is equally likely (Knuth, TAOCP 2, 3.4.2, algorithm S), by seed and time alone.
   */
  private changed(): boolean {
    const { recent, alarmOn, seed } = this.rule;
    const { older, newer, needed } = this;
    // Once this many of either sample are passed, the other can no longer be so far behind.
    const open = recent - needed;
    let bits = mixBits(seed ^ Math.imul(this.values, 0x9e3779b9)) | 1;
    let [passed, drawn, next, left] = [0, 0, 0, older.length];
    let change = 0;
    let found = false;
    while (drawn < recent) {
      // All values equal to the next older one are passed before the samples are compared.
      const value = older[next]!;
      while (passed < recent && newer[passed]! < value) passed++;
      if (passed - drawn >= needed) found = true;
      do {
        // Marsaglia (2003), xorshift.
        bits ^= bits << 13;
        bits ^= bits >>> 17;
        bits ^= bits << 5;
        if ((bits >>> 0) * left < (recent - drawn) * 4_294_967_296) {
          drawn++;
          change -= value;
        }
        left--;
        next++;
      } while (left > 0 && older[next] === value);
      while (passed < recent && newer[passed] === value) passed++;
      if (Math.abs(passed - drawn) >= needed) found = true;
      else if (!found && passed > open && drawn > open) return false;
    }
    // What is left of the newest values lies above all that are drawn.
    if (recent - passed >= needed) found = true;
    if (!found || alarmOn === 'change') return found;
    for (let i = 0; i < recent; i++) change += newer[i]!;
    return change > 0;
  }
}

/** Puts a value in the place of another in an ascending array. */
function replace(ascending: Float64Array, leaving: number, entering: number): void {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < leaving) low = middle + 1;
    else high = middle;
  }
  for (; low + 1 < ascending.length && ascending[low + 1]! < entering; low++) ascending[low] = ascending[low + 1]!;
  for (; low > 0 && ascending[low - 1]! > entering; low--) ascending[low] = ascending[low - 1]!;
  ascending[low] = entering;
}

/** Least distance, in steps, whose exact p-value is at or below the level; more than all steps when none is. */
function criticalSteps(size: number, level: number): number {
  const ascending = Float64Array.from({ length: size }, (_, i) => i);
  let [low, high] = [1, size + 1];
  while (low < high) {
    const steps = (low + high) >>> 1;
    const shifted = ascending.map((value) => value + steps - 0.5);
    if (ksTwoSampleSorted(ascending, shifted).pValue <= level) high = steps;
    else low = steps + 1;
  }
  return low;
}
