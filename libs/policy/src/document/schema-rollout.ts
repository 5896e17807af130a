import { z } from 'zod';
import { column, count, name, number, positiveDuration, probability, share, text } from './fields.js';

const rolloutStep = z.strictObject({
  name: name().describe('Name in reports.'),
  shadow: z.literal(true).optional().describe('The candidate scores copies; callers never see it.'),
  weight: count(1, 100).optional().describe('Percent of the traffic the candidate answers.'),
  bake: positiveDuration().describe('Policy time the step lasts at least.'),
  analyses: z.array(name()).max(20).default([]).describe('Analyses that must not show harm before the next step.'),
});

const analysis = z.strictObject({
  name: name().describe('Name that steps refer to.'),
  metric: z
    .enum(['logLoss', 'accuracy', 'errorRate', 'latencyMs', 'engagement'])
    .describe('What is compared with the champion.'),
  feedback: text(100).optional().describe('Name of the feedback that `engagement` counts.'),
  alpha: z
    .number()
    .gt(0)
    .max(0.5)
    .describe(
      'Probability of a false alarm over the whole rollout, however often one looks: the analyses that steps name have equal parts of it. Of one analysis also that of a wrong pass.',
    ),
  margin: number(0, 1e6).describe(
    'Harm up to this is tolerated, in units of the metric; of `errorRate` the share of requests that fail, of `latencyMs` ms a row.',
  ),
  minSamples: count(1, 100_000_000).describe(
    'No pass before this many observations: labels, feedback of each arm, or requests for `errorRate` and `latencyMs`. A request counts once, however many rows it has, and a candidate only answers for requests it was asked: after five failures in a row it rests for ten seconds.',
  ),
  minLabelShare: share()
    .optional()
    .describe(
      'Share of the rows both models scored that must have their label before `logLoss` or `accuracy` may pass: labels that come early are not like those that come late. Of traffic that goes on, `labelMaturity` asks for less patience.',
    ),
  labelMaturity: z
    .strictObject({
      age: positiveDuration().describe('Policy time after a request within which its labels are expected.'),
      share: probability().describe(
        'Share of all labels that must come within that age, at the lower bound of its 95 % interval.',
      ),
    })
    .optional()
    .describe(
      'Only requests of this age may show that `logLoss` or `accuracy` is no worse; harm is looked for in labels of any age, and each of the two looks has half of `alpha`.',
    ),
});

const edges = () => z.array(number(-1e12, 1e12)).min(1).max(50);

const slices = z
  .strictObject({
    analysis: name().describe(
      'Analysis of `logLoss` or `accuracy` that looks at slices too, with its margin, from the first step that names it on. Harm in a slice fails it, whatever its difference over all rows.',
    ),
    by: z
      .array(
        z.strictObject({
          feature: column().describe(
            'Feature that the slices are by; rows without a value of it are a slice of their own.',
          ),
          cuts: edges()
            .optional()
            .describe(
              'Ascending points at which slices of a number begin: a row is in the one that begins at or below its value, or before the first.',
            ),
          values: edges()
            .optional()
            .describe('Values of a category, each a slice of its own; all others together are one more.'),
        }),
      )
      .min(1)
      .max(10)
      .describe('Features whose slices are looked at, each by `cuts` or by `values`; at most 100 slices in all.'),
    falseDiscoveryRate: probability().describe(
      'Expected share of harmless slices among those found, however often one looks (e-BH over all slices named here): also the chance, beside `alpha`, that slices roll back a candidate that harms none.',
    ),
    minSamples: count(1, 100_000_000).describe('A slice with fewer labels is not judged.'),
  })
  .describe(
    'Slices in which the candidate must do no harm either. They never speed a promotion. Scores count as 0.001 at least and 0.999 at most here, so that the loss of a row is bounded; failures of requests, latency and feedback are not told by slice.',
  );

/** `spec.rollout` */
export const rollout = z
  .strictObject({
    endpoint: name().describe('Endpoint that serves the model.'),
    steps: z
      .array(rolloutStep)
      .min(1)
      .max(20)
      .describe('Shadow and canary steps in order; the candidate is promoted after the last.'),
    analyses: z.array(analysis).max(20).default([]).describe('Anytime-valid comparisons during the rollout.'),
    slices: slices.optional(),
    onNoData: z.literal('Hold').describe('Without evidence the step lasts on; it never passes.'),
    deadline: positiveDuration().describe('Policy time after which an undecided rollout ends.'),
    onDeadline: z.enum(['RollBack', 'Hold']).describe('How it ends then: back to the champion, or held for people.'),
  })
  .describe('How traffic moves.');
