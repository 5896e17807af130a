import type { PipelineSpec } from '@rondo/policy';
import type { CycleResult } from './cycle.js';
import type { CoolDown } from './decision.js';

/** Of a cycle that ended otherwise the policy asks for no pause. */
const AFTER = {
  Promoted: ['promotion', 'afterPromotionMs'],
  Rejected: ['rejection', 'afterRejectionMs'],
  RolledBack: ['rollback', 'afterRollbackMs'],
  Failed: ['failure', 'afterFailureMs'],
} as const;

const isPaused = (result: string): result is keyof typeof AFTER => result in AFTER;

/** How long automatic cycles wait after one with this result; undefined when they need not. `nowMs` is policy time. */
export function coolDownAfter(
  rules: PipelineSpec['triggerPolicy']['cooldown'],
  result: CycleResult,
  nowMs: number,
): CoolDown | undefined {
  if (!isPaused(result)) return undefined;
  const [after, length] = AFTER[result];
  return rules[length] > 0 ? { after, untilMs: nowMs + rules[length] } : undefined;
}
