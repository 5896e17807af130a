import {
  differenceConfidenceSequence,
  meanConfidenceSequence,
  proportionConfidenceSequence,
  readCountEProcess,
  readPairedEProcess,
  rowsUntil,
  sequentialVerdict,
  startCountEProcess,
  startPairedEProcess,
  updateCountEProcess,
  updatePairedEProcess,
  type RunningSums,
  type SequentialResult,
} from '@rondo/statistics';
import type { EvidenceState } from './evidence.js';
import type { Reading } from './reading.js';
import { estimate, lookOf, meanOf, rateOf, reading, share, type Bounds } from './reading-parts.js';
import { harmAlphaOf, type AnalysisRule } from './rollout-plan.js';

type Of<M extends EvidenceState['metric']> = Extract<EvidenceState, { metric: M }>;

/** Paired log-loss difference by an asymptotic confidence sequence; no verdict below `minSamples`, where asymptotics do not hold yet. */
export function readLogLoss(rule: AnalysisRule, state: Of<'logLoss'>, looks: number): Reading {
  const { n } = state.difference;
  const interval = meanConfidenceSequence(state.difference, {
    alpha: rule.alpha,
    tunedForRows: rule.minSamples,
  });
  // Equal scores on every row leave no variance: the difference is known exactly.
  const harm = harmOf(interval, state.difference.sum === 0 ? { lower: 0, upper: 0 } : undefined);
  const method = 'paired asymptotic confidence sequence';
  return reading(rule, looks, {
    samples: n,
    unit: 'labels',
    logE: interval.kind === 'estimated' && interval.estimate > 0 ? -Math.log(Math.max(interval.pValue, 1e-300)) : 0,
    decision: sequentialVerdict({
      ...lookOf(rule, n, harm),
      harmShown: n >= rule.minSamples && isHarm(interval, 'positive', rule),
      labelsMature: labelsMature(rule, n, state.logged),
      decidesAt: () =>
        rowsUntil(n, (rows) =>
          decides(
            meanConfidenceSequence(scaled(state.difference, rows / n), {
              alpha: rule.alpha,
              tunedForRows: rule.minSamples,
            }),
            rule,
          ),
        ),
    }),
    champion: meanOf('logLoss', state.champion, rule),
    candidate: meanOf('logLoss', state.candidate, rule),
    difference:
      n > 0
        ? estimate('logLoss', state.difference.sum / n, harm, {
            rule,
            n,
            method,
            limit: rule.margin,
          })
        : undefined,
  });
}

/** Sequential McNemar shows harm; a confidence sequence of the paired difference shows that the loss is within the margin. */
export function readAccuracy(rule: AnalysisRule, state: Of<'accuracy'>, looks: number): Reading {
  const { n } = state;
  const { losses, wins } = state.pairs;
  const mcnemar = readPairedEProcess(state.pairs, harmAlphaOf(rule)).harm;
  const sums: RunningSums = {
    n,
    sum: losses - wins,
    sumSquares: losses + wins,
  };
  const interval = meanConfidenceSequence(sums, {
    alpha: rule.alpha,
    tunedForRows: rule.minSamples,
  });
  const loss = harmOf(interval, n > 0 ? exactLoss(losses, wins, n, rule.alpha) : undefined);
  const decision = sequentialVerdict({
    ...lookOf(rule, n, loss),
    harmShown: mcnemar.rejected,
    labelsMature: labelsMature(rule, n, state.logged),
    decidesAt: () => rowsUntil(n, (rows) => accuracyDecides(rule, scaled(sums, rows / n), { losses, wins }, rows / n)),
  });
  const candidateRight = state.championRight - losses + wins;
  const signed = loss && { lower: -loss.upper, upper: -loss.lower };
  const method = 'sequential McNemar; paired asymptotic confidence sequence';
  return reading(rule, looks, {
    samples: n,
    unit: 'labels',
    logE: mcnemar.logEValue,
    decision,
    champion: n > 0 ? rateOf('accuracy', state.championRight, n, rule) : undefined,
    candidate: n > 0 ? rateOf('accuracy', candidateRight, n, rule) : undefined,
    difference:
      n > 0
        ? estimate('accuracy', (wins - losses) / n, signed, {
            rule,
            n,
            method,
            limit: -rule.margin,
          })
        : undefined,
  });
}

/** Share of the requests that failed: a conditional binomial e-process shows harm, exact bounds of both rates show that it is tolerable. */
export function readErrorRate(rule: AnalysisRule, { counts }: Of<'errorRate'>, looks: number): Reading {
  const { canaryEvents, canaryExposure, baselineEvents, baselineExposure } = counts;
  const samples = Math.min(canaryExposure, baselineExposure);
  const test = readCountEProcess(counts, harmAlphaOf(rule));
  const candidate = proportionConfidenceSequence(canaryEvents, canaryExposure, { alpha: rule.alpha / 2 });
  const champion = proportionConfidenceSequence(baselineEvents, baselineExposure, { alpha: rule.alpha / 2 });
  const bounds = {
    lower: candidate.lower - champion.upper,
    upper: candidate.upper - champion.lower,
  };
  const difference = share(canaryEvents, canaryExposure) - share(baselineEvents, baselineExposure);
  const method = 'conditional binomial e-process; exact confidence sequences';
  return reading(rule, looks, {
    samples,
    unit: 'requests',
    logE: test.logEValue,
    decision: sequentialVerdict({
      ...lookOf(rule, samples, bounds),
      harmShown: test.rejected,
      decidesAt: () => rowsUntil(samples, (rows) => countsDecide(rule, counts, rows / samples)),
    }),
    champion: baselineExposure > 0 ? rateOf('errorRate', baselineEvents, baselineExposure, rule) : undefined,
    candidate: canaryExposure > 0 ? rateOf('errorRate', canaryEvents, canaryExposure, rule) : undefined,
    difference:
      samples > 0
        ? estimate('errorRate', difference, bounds, { rule, n: samples, method, limit: rule.margin })
        : undefined,
  });
}

/** Difference of the arms' mean feedback by an asymptotic confidence sequence of independent samples. */
export function readEngagement(rule: AnalysisRule, state: Of<'engagement'>, looks: number): Reading {
  const n = Math.min(state.champion.n, state.candidate.n);
  const interval = differenceConfidenceSequence(state.champion, state.candidate, {
    alpha: rule.alpha,
    tunedForRows: 2 * rule.minSamples,
  });
  const bounds = interval.kind === 'estimated' ? interval : undefined;
  const harm = bounds && { lower: -bounds.upper, upper: -bounds.lower };
  const method = 'asymptotic confidence sequence';
  return reading(rule, looks, {
    samples: n,
    unit: 'feedback events per arm',
    logE: bounds && bounds.estimate < 0 ? -Math.log(Math.max(bounds.pValue, 1e-300)) : 0,
    decision: sequentialVerdict({
      ...lookOf(rule, n, harm),
      harmShown: n >= rule.minSamples && isHarm(interval, 'negative', rule),
      decidesAt: () => rowsUntil(n, (rows) => engagementDecides(rule, state, rows / n)),
    }),
    champion: meanOf('engagement', state.champion, rule),
    candidate: meanOf('engagement', state.candidate, rule),
    difference: bounds
      ? estimate('engagement', bounds.estimate, bounds, {
          rule,
          n,
          method,
          limit: -rule.margin,
        })
      : undefined,
  });
}

/** Early labels are a biased sample of all: late ones hold the analysis back. */
function labelsMature(rule: AnalysisRule, labelled: number, logged: number): boolean {
  return labelled >= (rule.minLabelShare ?? 0) * logged;
}

/** The sums of `factor` times as many rows of the same kind. */
function scaled(sums: RunningSums, factor: number): RunningSums {
  return { n: Math.round(sums.n * factor), sum: sums.sum * factor, sumSquares: sums.sumSquares * factor };
}

/** Harm by the anytime-valid p-value that belongs to the interval; at alpha itself that is an interval beyond 0. */
function isHarm(interval: SequentialResult, harmful: 'positive' | 'negative', rule: AnalysisRule): boolean {
  if (interval.kind !== 'estimated' || interval.estimate > 0 !== (harmful === 'positive')) return false;
  return interval.pValue < harmAlphaOf(rule);
}

/** Whether bounds of the loss would end the analysis, one way or the other. */
function decides(interval: SequentialResult, rule: AnalysisRule): boolean {
  return interval.kind === 'estimated' && (interval.upper < rule.margin || isHarm(interval, 'positive', rule));
}

function accuracyDecides(
  rule: AnalysisRule,
  sums: RunningSums,
  seen: { readonly losses: number; readonly wins: number },
  factor: number,
): boolean {
  const interval = meanConfidenceSequence(sums, { alpha: rule.alpha, tunedForRows: rule.minSamples });
  const then = { losses: Math.round(seen.losses * factor), wins: Math.round(seen.wins * factor) };
  const mcnemar = readPairedEProcess(updatePairedEProcess(startPairedEProcess(), then), harmAlphaOf(rule)).harm;
  const loss = harmOf(interval, exactLoss(then.losses, then.wins, sums.n, rule.alpha));
  return mcnemar.rejected || (loss !== undefined && loss.upper < rule.margin);
}

function engagementDecides(rule: AnalysisRule, state: Of<'engagement'>, factor: number): boolean {
  const interval = differenceConfidenceSequence(scaled(state.champion, factor), scaled(state.candidate, factor), {
    alpha: rule.alpha,
    tunedForRows: 2 * rule.minSamples,
  });
  return interval.kind === 'estimated' && (interval.lower > -rule.margin || isHarm(interval, 'negative', rule));
}

function countsDecide(rule: AnalysisRule, seen: Of<'errorRate'>['counts'], factor: number): boolean {
  const then = {
    canaryEvents: Math.round(seen.canaryEvents * factor),
    canaryExposure: Math.ceil(seen.canaryExposure * factor),
    baselineEvents: Math.round(seen.baselineEvents * factor),
    baselineExposure: Math.ceil(seen.baselineExposure * factor),
  };
  if (readCountEProcess(updateCountEProcess(startCountEProcess(), then), harmAlphaOf(rule)).rejected) return true;
  const candidate = proportionConfidenceSequence(then.canaryEvents, then.canaryExposure, { alpha: rule.alpha / 2 });
  const champion = proportionConfidenceSequence(then.baselineEvents, then.baselineExposure, { alpha: rule.alpha / 2 });
  return candidate.upper - champion.lower < rule.margin;
}

function harmOf(interval: SequentialResult, exact: Bounds | undefined): Bounds | undefined {
  const bounds = interval.kind === 'estimated' ? interval : exact;
  return bounds && { lower: bounds.lower, upper: bounds.upper };
}

/** For the case without variance, where all rows went the same way. */
function exactLoss(
  losses: number,
  wins: number,
  n: number,
  alpha: number,
): { readonly lower: number; readonly upper: number } {
  const lost = proportionConfidenceSequence(losses, n, { alpha: alpha / 2 });
  const won = proportionConfidenceSequence(wins, n, { alpha: alpha / 2 });
  return { lower: lost.lower - won.upper, upper: lost.upper - won.lower };
}
