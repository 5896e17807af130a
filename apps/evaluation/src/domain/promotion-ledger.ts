import { nextAlpha, remainingAlpha, spendAlpha, startAlphaLedger, type AlphaLedger } from '@rondo/statistics';
import type { Gate } from './gates.js';
import { percent } from './words.js';

/** What a pipeline may still spend, over its whole life, on promoting challengers that are no better. */
export type PromotionLedger = {
  /** As the policy stated it at the last look. */
  readonly lifetimeAlpha: number;
  /** Spent before the policy changed it last. */
  readonly spentBefore: number;
  /** Hands out the rest; null when more was spent than the policy now allows. */
  readonly ledger: AlphaLedger | null;
  /** Looks taken in the pipeline's life. */
  readonly looks: number;
};

/** The part of the ledger that one cycle has taken. */
export type AlphaLook = {
  readonly lifetimeAlpha: number;
  /** Chance that a challenger that is no better passes at this look; 0 when nothing is left. */
  readonly level: number;
  /** From 1. */
  readonly look: number;
  /** Left for all later looks together. */
  readonly remaining: number;
};

/** Below this the tails of an interval are no longer those of its distribution; nothing is granted. */
const LEVEL_MIN = 1e-9;

/** Whether a gate's wrong pass is paid for: it claims that the challenger is better than the champion. */
export const spendsAlpha = ({ compare }: Gate): boolean => compare?.to === 'champion' && compare.rule === 'Superior';

/**
 * Takes the next look. All levels of a life add up to at most `lifetimeAlpha`, also when the policy changes it on the way:
 * what was spent stays spent, and only the rest is handed out anew.
 */
export function takeLook(
  ledger: PromotionLedger | undefined,
  lifetimeAlpha: number,
): { readonly ledger: PromotionLedger; readonly look: AlphaLook } {
  const current = ledger?.lifetimeAlpha === lifetimeAlpha ? ledger : restarted(ledger, lifetimeAlpha);
  const granted = current.ledger === null ? 0 : nextAlpha(current.ledger);
  const level = granted < LEVEL_MIN ? 0 : granted;
  const spent = current.ledger && spendAlpha(current.ledger);
  const looks = current.looks + 1;
  const remaining = spent === null ? 0 : remainingAlpha(spent);
  return { ledger: { ...current, ledger: spent, looks }, look: { lifetimeAlpha, level, look: looks, remaining } };
}

function restarted(ledger: PromotionLedger | undefined, lifetimeAlpha: number): PromotionLedger {
  const spentBefore = ledger ? ledger.spentBefore + (ledger.ledger ? spentOf(ledger.ledger) : 0) : 0;
  const rest = lifetimeAlpha - spentBefore;
  return {
    lifetimeAlpha,
    spentBefore,
    ledger: rest > 0 ? startAlphaLedger({ alpha: rest, schedule: { kind: 'forever' } }) : null,
    looks: ledger?.looks ?? 0,
  };
}

const spentOf = (ledger: AlphaLedger): number => ledger.alpha - remainingAlpha(ledger);

/** Coverage of the interval that a gate has to clear at this look: its own, or wider; undefined when nothing is left. */
export const coverageAt = ({ level }: AlphaLook, confidence: number): number | undefined =>
  level === 0 ? undefined : Math.max(confidence, 1 - 2 * level);

/** For a sentence: which level was used. */
export const lookText = ({ look, level, lifetimeAlpha, remaining }: AlphaLook): string =>
  level === 0
    ? `look ${look} of the pipeline's life finds nothing left of its ${percent(lifetimeAlpha)} for false promotions`
    : `look ${look} of the pipeline's life was taken at ${percent(level)} of its ${percent(lifetimeAlpha)} for false promotions, ${percent(remaining)} are left`;
