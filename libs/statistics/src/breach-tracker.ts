import { checkCount, invalid } from './checks.js';

/** Clear to detected, in order of alarm. */
export type BreachStatus = 'clear' | 'suspected' | 'detected';

/** Plain JSON; holds everything needed to go on after a restart. */
export interface BreachTracker {
  /** Breaches that make a detection, among the last `window` checks. */
  readonly needed: number;
  readonly window: number;
  /** Checks without breach in a row that end a detection (hysteresis). */
  readonly clearAfter: number;
  /** The last checks, oldest first. */
  readonly recent: readonly boolean[];
  readonly quietChecks: number;
  readonly status: BreachStatus;
}

/**
 * Starts an m-of-n rule: `needed` breaches among the last `window` checks make a detection, which holds until
 * `clearAfter` checks in a row (default `window`) are without one. Keeps a single noisy check from raising an alarm and
 * a wavering one from raising it twice.
 * @example startBreachTracker({ needed: 2, window: 3 }).status // => 'clear'
 */
export function startBreachTracker(rule: {
  readonly needed: number;
  readonly window: number;
  readonly clearAfter?: number;
}): BreachTracker {
  const { needed, window, clearAfter = window } = rule;
  checkCount('needed', needed, 1);
  checkCount('window', window, 1);
  checkCount('clearAfter', clearAfter, 1);
  if (needed > window) throw invalid('needed', needed, `must not exceed window (${window})`);
  return { needed, window, clearAfter, recent: [], quietChecks: 0, status: 'clear' };
}

/**
 * The state after one more check. A check that could not decide (too few rows) is not passed in: it is no evidence
 * either way.
 * @example updateBreachTracker(updateBreachTracker(startBreachTracker({ needed: 2, window: 3 }), true), true).status // => 'detected'
 */
export function updateBreachTracker(state: BreachTracker, breached: boolean): BreachTracker {
  const recent = [...state.recent, breached].slice(-state.window);
  const breaches = recent.filter(Boolean).length;
  const quietChecks = breached ? 0 : state.quietChecks + 1;
  const holds = state.status === 'detected' && quietChecks < state.clearAfter;
  const status = holds || breaches >= state.needed ? 'detected' : breaches > 0 ? 'suspected' : 'clear';
  // A detection that has just ended must not be raised again by the breaches that caused it.
  const ended = state.status === 'detected' && quietChecks >= state.clearAfter;
  return ended ? { ...state, recent: [], quietChecks, status: 'clear' } : { ...state, recent, quietChecks, status };
}
