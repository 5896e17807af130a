import { z } from 'zod';
import { FORECAST_SERIES } from '../expression/contexts.js';
import { column, count, expression, name, number, positiveDuration, probability, share } from './fields.js';
import { persistence } from './schema-decision.js';

const candidateName = () => name().describe('Name in reports.');

const trees = z.strictObject({
  name: candidateName(),
  trainer: z.literal('builtin/gradient-boosted-trees').describe('Boosted trees, leaf-wise, on histograms.'),
  params: z
    .strictObject({
      rounds: count(1, 10_000).describe('Trees to grow.'),
      learningRate: z.number().gt(0).max(1).describe("Share of each tree's correction that is applied."),
      maxLeaves: count(2, 1_024).describe('Leaves per tree.'),
      minRowsInLeaf: count(1, 10_000_000).describe('Fewest training rows in a leaf.'),
      lambda: number(0, 1e6).optional().describe('L2 penalty on leaf values.'),
      maxBins: count(2, 255).optional().describe('Bins per feature.'),
    })
    .describe('Settings of the trainer.'),
});

const logistic = z.strictObject({
  name: candidateName(),
  trainer: z.literal('builtin/logistic-regression').describe('Logistic regression by Newton steps.'),
  params: z
    .strictObject({
      l2: number(0, 1e9).describe('Penalty on the weights of standardised features.'),
      maxIterations: count(1, 1_000).describe('Newton steps at most.'),
    })
    .describe('Settings of the trainer.'),
});

const command = z.strictObject({
  name: candidateName(),
  trainer: z.literal('command').describe('A program of your own that writes an ONNX file.'),
  command: z.array(z.string().min(1).max(1_000)).min(1).max(32).describe('Program and arguments, run without a shell.'),
  params: z
    .record(column(), z.union([z.string().max(1_000), z.number(), z.boolean()]))
    .default({})
    .describe('Settings handed to the program.'),
});

/** `spec.training` */
export const training = z
  .strictObject({
    seed: count(0, 4_294_967_295).describe('Seed of everything random.'),
    parallelism: count(1, 16).describe('Candidates trained at once.'),
    timeout: positiveDuration().describe('Longest training of one candidate, by the clock on the wall.'),
    candidates: z
      .array(z.discriminatedUnion('trainer', [trees, logistic, command]))
      .min(1)
      .max(20)
      .describe('What is trained.'),
  })
  .describe('How candidates are made.');

const metric = () => z.enum(['logLoss', 'rocAuc', 'brier']);

/** `spec.selection` */
export const selection = z
  .strictObject({
    metric: metric().describe('Metric on the validation part that ranks candidates.'),
    oneStandardError: z.boolean().describe('Take the simplest candidate within one standard error of the best.'),
  })
  .describe('Which candidate becomes the challenger.');

const compare = z
  .strictObject({
    to: z.enum(['champion', 'baseline']).describe('The serving model, or the constant base rate of the training part.'),
    metric: metric().describe('Metric on the sealed test part.'),
    rule: z
      .enum(['NonInferior', 'Superior'])
      .describe('Not worse by the margin or more, or better by more than the margin.'),
    test: z.enum(['PairedMean', 'PairedBootstrap', 'DeLong']).describe('How the interval of the difference is found.'),
    confidence: z.number().min(0.5).lt(1).describe('Coverage of the interval.'),
    margin: number(0, 1).describe('Difference that matters, in units of the metric.'),
    cohortMargin: number(0, 1)
      .optional()
      .describe('Largest loss tolerated in any cohort too, at intervals that hold for all cohorts at once.'),
  })
  .describe('A comparison on the same rows.');

const fairness = z
  .strictObject({
    by: column().describe('Feature whose values (or quartiles, when there are many) are the groups.'),
    measure: z
      .enum(['DemographicParity', 'EqualisedOdds', 'EqualOpportunity'])
      .describe('Gap of the positive decisions; of true or false positive rate; or of the true positive rate.'),
    threshold: share().describe('Probability from which the decision is 1.'),
    maxGap: z.number().gt(0).lt(1).describe('Largest difference between two groups that is tolerated.'),
    minRows: count(10, 100_000_000).describe('Rates that rest on fewer rows are not judged.'),
    confidence: z.number().min(0.5).lt(1).describe('Coverage of the interval, over all pairs of groups.'),
  })
  .describe('A largest gap between groups.');

const gate = z.strictObject({
  name: name().describe('Name in reports.'),
  severity: z
    .enum(['Blocking', 'RequiresReview', 'Advisory'])
    .describe('What a failure does: stop the candidate, ask people, or be noted.'),
  compare: compare.optional(),
  fairness: fairness.optional(),
  expr: expression()
    .optional()
    .describe(
      'CEL expression over `eval` that is true when the gate is passed; inconclusive where it is not so all over the intervals of what it reads.',
    ),
});

/** `spec.evaluation` */
export const evaluation = z
  .strictObject({
    gates: z.array(gate).min(1).max(50).describe('What a challenger must pass.'),
    cohorts: z
      .array(
        z.strictObject({
          by: column().describe('Feature whose values (or quartiles, when there are many) form the cohorts.'),
          minRows: count(1, 100_000_000).describe('Smaller cohorts are not judged.'),
        }),
      )
      .max(20)
      .default([])
      .describe('Groups in which the challenger is compared with the champion.'),
    clusters: column()
      .optional()
      .describe(
        'Column of the feature rows, of any type, for rows that err together, such as the day or the customer: rows with the same value count as one cluster, and every interval of the evaluation allows for that. With fewer than ten clusters (as many of equal size as tell as much) nothing is decided. Without it rows are taken as independent, which makes differences look surer than they are where they are not.',
      ),
    slices: z
      .strictObject({
        depth: count(1, 3).describe('Conditions per slice at most.'),
        minRows: count(10, 100_000_000).describe('Smaller slices are not tested.'),
        falseDiscoveryRate: probability().describe('Expected share of harmless slices among those found.'),
      })
      .optional()
      .describe('Search over all slices of the features for harm; gives `eval.slices…` and `eval.worstSlice…`.'),
    backtest: z
      .strictObject({ folds: count(2, 20).describe('Rolling origins inside the window.') })
      .optional()
      .describe('The recipe retrained on earlier parts; gives `eval.backtest…`.'),
    latency: z
      .strictObject({ rows: count(1, 10_000).describe('Rows per request.') })
      .optional()
      .describe('Scoring timed; gives `eval.p50Ms` and `eval.p99Ms`.'),
    lifetimeAlpha: number(0.001, 0.5)
      .optional()
      .describe(
        "Chance, over the pipeline's whole life, that a challenger that is no better passes a gate that asks for `Superior` to the champion: each cycle spends a part, ever smaller, and such a gate's interval widens to it. Without it each gate errs as its own confidence says, every cycle anew.",
      ),
    onInconclusive: z
      .enum(['Fail', 'RequiresReview'])
      .describe('What a blocking gate without enough evidence counts as; never as passed.'),
  })
  .describe('How a challenger is judged on the sealed test part.');

const forecast = z
  .strictObject({
    series: z
      .array(
        z.strictObject({
          name: z
            .enum(FORECAST_SERIES)
            .describe(
              'What is forecast. Performance counts where labels confirm it; an estimate is no point of a series.',
            ),
          limit: number(0, 100).describe(
            'Value that must not be reached, in units of the series: from below, for `perf.rocAuc` from above.',
          ),
        }),
      )
      .min(1)
      .max(FORECAST_SERIES.length)
      .describe('The series that are continued.'),
    horizon: positiveDuration().describe(
      'How far ahead, in event time; at most 60 evaluations. A forecast needs 11 evaluations of the champion and one per step, with a season two seasons.',
    ),
    season: positiveDuration()
      .optional()
      .describe('Length of a season in event time; counts where it spans 2 to 60 evaluations.'),
  })
  .describe("Forecasts of what is watched, after each evaluation, with the skill they had on the series' own past.");

const season = z
  .strictObject({
    period: positiveDuration().describe('Length of the season in event time, such as `7d` or `365d`.'),
    within: positiveDuration().describe(
      'How far from the same phase of an earlier period a batch may be, by the middle of its interval; less than half of the period.',
    ),
    minWindows: count(2, 100).describe('With fewer past batches of the season nothing is explained by it.'),
  })
  .describe(
    'Past batches of the same season: drift that is usual among them has the state `seasonal`, and is not detected. Batches of the last ten periods are kept, from the first evaluation with this block on; a new champion forgets none.',
  );

/** `spec.monitoring` */
export const monitoring = z
  .strictObject({
    drift: z
      .strictObject({
        minRows: count(1, 100_000_000).describe('Smaller batches are not judged.'),
        falseDiscoveryRate: probability().describe('Benjamini-Hochberg level over all features.'),
        psiFloorLevel: probability().describe('Quantile of the PSI of equal distributions that counts as noise.'),
        suspectedPsi: z
          .number()
          .gt(0)
          .max(10)
          .describe(
            'PSI beyond what sampling alone adds, from which a feature is suspected; below it a difference is negligible.',
          ),
        detectedPsi: z.number().gt(0).max(10).describe('The same from which drift is detected.'),
        persistence: persistence().describe('How lasting drift must be to be called detected.'),
        season: season.optional(),
      })
      .describe("Each batch against the champion's reference."),
    performance: z
      .strictObject({
        minRows: count(1, 100_000_000).describe('Fewer labelled predictions are not judged.'),
        reference: z.literal('SealedTest').describe("Compared with the champion's own sealed test."),
      })
      .describe('What the champion achieves on live traffic.'),
    forecast: forecast.optional(),
  })
  .describe('What is watched between cycles.');
