import { z } from 'zod';
import { anyDuration, count, expression, name, positiveDuration } from './fields.js';

/** m of the last n, against flapping. */
export const persistence = () =>
  z.strictObject({
    breaches: count(1, 20).describe('Breaches needed.'),
    outOf: count(1, 20).describe('Among this many of the last evaluations.'),
  });

const trigger = z.strictObject({
  name: name().describe('Name in decision records.'),
  on: z
    .enum(['BatchReady', 'DriftEvaluated', 'PerformanceEvaluated', 'ForecastIssued'])
    .describe('Event that is judged; `ForecastIssued` needs `monitoring.forecast`.'),
  when: expression().describe('CEL expression that is true for a breach; its variables depend on the event.'),
  clearWhen: expression()
    .optional()
    .describe('CEL expression that ends a breach; without it a breach ends when `when` is false.'),
  for: persistence().default({ breaches: 1, outOf: 1 }).describe('How lasting a breach must be.'),
  action: z
    .enum(['Start', 'Propose', 'Schedule'])
    .default('Start')
    .describe('Start a cycle, propose one to people, or schedule one before the breach a forecast expects.'),
  startBefore: anyDuration()
    .optional()
    .describe('Of `Schedule`: policy time before the expected breach at which the cycle starts.'),
});

/** `spec.triggers` */
export const triggers = z.array(trigger).max(20).describe('When a retraining is worth considering.');

/** `spec.manual` */
export const manual = z
  .strictObject({
    roles: z
      .array(z.enum(['operator', 'admin']))
      .min(1)
      .max(2)
      .describe('Roles that may start a cycle by hand.'),
  })
  .describe('Cycles started by people; cool-downs do not hold them.');

/** `spec.triggerPolicy` */
export const triggerPolicy = z
  .strictObject({
    cooldown: z
      .strictObject({
        afterPromotion: anyDuration().describe('Policy time without automatic cycles after a promotion.'),
        afterRejection: anyDuration().describe('The same after a candidate was rejected.'),
        afterRollback: anyDuration().describe('The same after a rollback.'),
        afterFailure: anyDuration().describe('The same after a cycle failed.'),
      })
      .describe('Rest between automatic cycles.'),
    concurrency: z.literal('Merge').describe('Triggers during a cycle are merged into it.'),
    budget: z
      .strictObject({
        maxCycles: count(1, 1_000).describe('Automatic cycles at most.'),
        per: positiveDuration().describe('Sliding window of policy time they are counted in.'),
      })
      .describe('Most cycles in a time.'),
  })
  .describe('What holds a trigger back.');

/** `spec.approvals` */
export const approvals = z
  .strictObject({
    requiredWhen: expression().describe('CEL expression: true when people must approve the promotion.'),
    votesNeeded: count(1, 5).describe('Approving votes of different people.'),
    excludeAuthors: z.boolean().describe('Who applied the document or started the cycle may not vote.'),
    timeout: positiveDuration().describe('Time to vote, by the clock on the wall.'),
    onTimeout: z
      .enum(['Expire', 'Reject'])
      .describe('Expire ends the cycle without blame, Reject counts as a rejection.'),
    autoApprove: z
      .strictObject({
        when: expression().describe('CEL expression: true when the policy itself approves.'),
        rationale: text500('Reason written into the record.'),
      })
      .optional()
      .describe('Approval by the policy instead of people, recorded as such.'),
  })
  .describe('Who must agree before traffic moves.');

function text500(description: string) {
  return z.string().trim().min(5).max(500).describe(description);
}
