/** What a trigger remembers between evaluations. */
export interface TriggerMemory {
  /** Latest outcomes, oldest first, at most `outOf` of them. */
  readonly recent: readonly boolean[];
}

export interface BreachRule {
  /** Breaches needed among the latest `outOf` evaluations. */
  readonly breaches: number;
  readonly outOf: number;
}

export interface TriggerStep {
  readonly memory: TriggerMemory;
  readonly breaches: number;
  readonly fires: boolean;
}

/** One breach is enough. */
export const ONCE: BreachRule = { breaches: 1, outOf: 1 };

/**
 * One more evaluation of a trigger. It fires while at least `breaches` of the latest `outOf` evaluations were true;
 * `cleared` (the hysteresis condition) forgets the past.
 */
export function observeTrigger(
  memory: TriggerMemory | undefined,
  outcome: boolean,
  cleared: boolean,
  rule: BreachRule = ONCE,
): TriggerStep {
  const recent = cleared && !outcome ? [] : [...(memory?.recent ?? []), outcome].slice(-rule.outOf);
  const breaches = recent.filter(Boolean).length;
  return { memory: { recent }, breaches, fires: breaches >= rule.breaches };
}
