import { checkBetween, checkCount } from './checks.js';

/** How a ledger hands out its budget. */
export type AlphaSchedule =
  /** Equal parts over `looks` looks; then a new period with a fresh budget begins. */
  | { readonly kind: 'even'; readonly looks: number }
  /** For ever: ever smaller parts that never add up to more than the budget. */
  | { readonly kind: 'forever' };

/** Plain JSON; holds everything needed to go on after a restart. */
export interface AlphaLedger {
  /** Chance of any false alarm per period (`even`) or over the whole life (`forever`). */
  readonly alpha: number;
  readonly schedule: AlphaSchedule;
  /** Looks taken in the present period; `forever` has one period. */
  readonly looks: number;
  /** Periods that are over. */
  readonly periods: number;
}

/**
 * Starts the ledger of a thing that is tested again and again (a pipeline's drift, its promotions). Tests at the levels it
 * hands out raise a false alarm with probability of at most `alpha` per period, or in all, whatever depends on what (the
 * levels of one period add up to at most `alpha`; union bound).
 * Source: Foster & Stine (2008), JRSS B 70:429 (alpha spending); Tian & Ramdas (2021), Statistical Methods in Medical
 * Research 30:976 (online control of the family-wise error).
 * @example startAlphaLedger({ alpha: 0.05, schedule: { kind: 'even', looks: 365 } }).looks // => 0
 */
export function startAlphaLedger(rule: { readonly alpha: number; readonly schedule: AlphaSchedule }): AlphaLedger {
  const { alpha, schedule } = rule;
  checkBetween('alpha', alpha, 0, 1);
  if (schedule.kind === 'even') checkCount('schedule.looks', schedule.looks, 1);
  return { alpha, schedule, looks: 0, periods: 0 };
}

/**
 * The level of the next look. Several hypotheses judged at one look share it: adjust their p-values first (Holm).
 * @example nextAlpha(startAlphaLedger({ alpha: 0.05, schedule: { kind: 'even', looks: 5 } })) // => 0.01
 */
export function nextAlpha({ alpha, schedule, looks }: AlphaLedger): number {
  return alpha * (schedule.kind === 'even' ? 1 / schedule.looks : part(looks + 1));
}

/**
 * The ledger after one look at the level of {@link nextAlpha}; a look that could not decide (too few rows) is not taken.
 * @example spendAlpha(startAlphaLedger({ alpha: 0.05, schedule: { kind: 'even', looks: 1 } })) // => { looks: 0, periods: 1 }
 */
export function spendAlpha(ledger: AlphaLedger): AlphaLedger {
  const { schedule, looks, periods } = ledger;
  const full = schedule.kind === 'even' && looks + 1 >= schedule.looks;
  return full ? { ...ledger, looks: 0, periods: periods + 1 } : { ...ledger, looks: looks + 1 };
}

/**
 * What is left of the budget of the present period.
 * @example remainingAlpha(spendAlpha(startAlphaLedger({ alpha: 0.05, schedule: { kind: 'even', looks: 5 } }))) // => 0.04
 */
export function remainingAlpha({ alpha, schedule, looks }: AlphaLedger): number {
  return alpha * (schedule.kind === 'even' ? 1 - looks / schedule.looks : share(looks + 1));
}

/** Of the budget, what look `look` of for ever takes: share(look) - share(look + 1), without the cancellation. */
function part(look: number): number {
  return Math.log1p(1 / look) * share(look) * share(look + 1);
}

/** Of the budget, what is left before look `look` of for ever: falls from 1 to 0, by 1/(t·ln² t) a look. */
function share(look: number): number {
  return 1 / (1 + Math.log(look));
}
