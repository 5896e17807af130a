import {
  differenceConfidenceSequence,
  meanConfidenceSequence,
  readCountEProcess,
  readPairedEProcess,
  type RunningSums,
  type SequentialResult,
} from '@rondo/statistics';
import { bernoulliBounds } from './bernoulli-bounds.js';
import type { EvidenceState } from './evidence.js';
import type { Estimate, Reading, Verdict } from './reading.js';
import type { AnalysisRule } from './rollout-plan.js';

type Of<M extends EvidenceState['metric']> = Extract<EvidenceState, { metric: M }>;

/** Added share of slow requests that is tolerated: a p95 estimated from a hundred requests is no sharper than this. */
const SLOW_SHARE_TOLERANCE = 0.2;
/** e-values are cut here, so that they stay finite in JSON. */
const LARGEST_LOG_E = 700;

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
    verdict: verdictOf(rule, n, harm, { failBelowMinimum: false }),
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
  const mcnemar = readPairedEProcess(state.pairs, rule.alpha).harm;
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
  const verdict = verdictOf(rule, n, loss && { upper: loss.upper, shown: mcnemar.rejected }, {
    failBelowMinimum: true,
  });
  const candidateRight = state.championRight - losses + wins;
  const signed = loss && { lower: -loss.upper, upper: -loss.lower };
  const method = 'sequential McNemar; paired asymptotic confidence sequence';
  return reading(rule, looks, {
    samples: n,
    unit: 'labels',
    logE: mcnemar.logEValue,
    verdict,
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

/** Failures per scored row: a conditional binomial e-process shows harm, exact bounds of both rates show that it is tolerable. */
export function readErrorRate(rule: AnalysisRule, state: Of<'errorRate'>, looks: number): Reading {
  return readCounts(rule, state.counts, looks, {
    name: 'errorRate',
    unit: 'scored rows',
    tolerated: rule.margin,
  });
}

/** Share of requests slower than the champion's p95 plus the margin. */
export function readLatency(rule: AnalysisRule, state: Of<'latencyMs'>, looks: number): Reading {
  return readCounts(rule, state.counts, looks, {
    name: 'slowRequestShare',
    unit: 'requests',
    tolerated: SLOW_SHARE_TOLERANCE,
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
    verdict: verdictOf(rule, n, harm && { ...harm, shown: harm.lower > 0 }, {
      failBelowMinimum: false,
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

function readCounts(
  rule: AnalysisRule,
  counts: Of<'errorRate'>['counts'],
  looks: number,
  what: {
    readonly name: string;
    readonly unit: string;
    readonly tolerated: number;
  },
): Reading {
  const samples = Math.min(counts.canaryExposure, counts.baselineExposure);
  const test = readCountEProcess(counts, rule.alpha);
  const candidate = bernoulliBounds(counts.canaryEvents, counts.canaryExposure, rule.alpha / 2);
  const champion = bernoulliBounds(counts.baselineEvents, counts.baselineExposure, rule.alpha / 2);
  const bounds = {
    lower: candidate.lower - champion.upper,
    upper: candidate.upper - champion.lower,
  };
  const harm = { upper: bounds.upper, shown: test.rejected };
  const method = 'conditional binomial e-process; exact confidence sequences';
  const limited = { ...rule, margin: what.tolerated };
  const difference =
    share(counts.canaryEvents, counts.canaryExposure) - share(counts.baselineEvents, counts.baselineExposure);
  return reading(limited, looks, {
    samples,
    unit: what.unit,
    logE: test.logEValue,
    verdict: verdictOf(limited, samples, harm, { failBelowMinimum: true }),
    champion:
      counts.baselineExposure > 0 ? rateOf(what.name, counts.baselineEvents, counts.baselineExposure, rule) : undefined,
    candidate:
      counts.canaryExposure > 0 ? rateOf(what.name, counts.canaryEvents, counts.canaryExposure, rule) : undefined,
    difference:
      samples > 0
        ? estimate(what.name, difference, bounds, {
            rule,
            n: samples,
            method,
            limit: what.tolerated,
          })
        : undefined,
  });
}

/** A loss within the margin passes even when it is surely above 0: that much is tolerated. */
function verdictOf(
  rule: AnalysisRule,
  samples: number,
  harm: { readonly upper: number; readonly shown: boolean } | undefined,
  options: { readonly failBelowMinimum: boolean },
): Verdict {
  const enough = samples >= rule.minSamples;
  if (harm && enough && harm.upper < rule.margin) return 'Pass';
  if (harm?.shown && (enough || options.failBelowMinimum)) return 'Fail';
  return 'Inconclusive';
}

function harmOf(
  interval: SequentialResult,
  exact: { readonly lower: number; readonly upper: number } | undefined,
): { readonly lower: number; readonly upper: number; readonly shown: boolean } | undefined {
  const bounds = interval.kind === 'estimated' ? interval : exact;
  return (
    bounds && {
      lower: bounds.lower,
      upper: bounds.upper,
      shown: bounds.lower > 0,
    }
  );
}

/** For the case without variance, where all rows went the same way. */
function exactLoss(
  losses: number,
  wins: number,
  n: number,
  alpha: number,
): { readonly lower: number; readonly upper: number } {
  const lost = bernoulliBounds(losses, n, alpha / 2);
  const won = bernoulliBounds(wins, n, alpha / 2);
  return { lower: lost.lower - won.upper, upper: lost.upper - won.lower };
}

interface Parts {
  readonly samples: number;
  readonly unit: string;
  readonly logE: number;
  readonly verdict: Verdict;
  readonly champion: Estimate | undefined;
  readonly candidate: Estimate | undefined;
  readonly difference: Estimate | undefined;
}

function reading(rule: AnalysisRule, looks: number, parts: Parts): Reading {
  const { samples, unit, logE, verdict, champion, candidate, difference } = parts;
  return {
    analysis: rule.name,
    verdict,
    ...(champion && { champion }),
    ...(candidate && { candidate }),
    ...(difference && { difference }),
    eValue: Math.exp(Math.min(LARGEST_LOG_E, logE)),
    alpha: rule.alpha,
    looks,
    samples,
    minSamples: rule.minSamples,
    unit,
    explanation: explain(rule, parts),
  };
}

function explain(rule: AnalysisRule, { samples, unit, verdict, difference }: Parts): string {
  const counted = `n=${count(samples)} of ${count(rule.minSamples)}`;
  if (verdict === 'Inconclusive' && samples < rule.minSamples)
    return `needs ${count(rule.minSamples - samples)} more ${unit} (${counted})`;
  if (!difference) return `needs ${unit} that differ (${counted})`;
  const bounds =
    difference.lower === undefined ? '' : ` [${number(difference.lower)}, ${number(difference.upper ?? NaN)}]`;
  const numbers = `${difference.name} ${difference.value > 0 ? '+' : ''}${number(difference.value)}${bounds} against the champion, tolerated loss ${number(rule.margin)}, n=${count(samples)} ${unit}`;
  const words = {
    Pass: 'the challenger is not worse',
    Fail: 'the challenger is worse',
    Inconclusive: 'undecided',
  } as const;
  return `${words[verdict]}: ${numbers}`;
}

function estimate(
  name: string,
  value: number,
  bounds: { readonly lower: number; readonly upper: number } | undefined,
  rest: {
    readonly rule: AnalysisRule;
    readonly n: number;
    readonly method: string;
    readonly limit: number;
  },
): Estimate {
  const { rule, n, method, limit } = rest;
  return {
    name,
    value,
    ...(bounds && { lower: bounds.lower, upper: bounds.upper }),
    confidence: 1 - rule.alpha,
    n,
    method,
    limit,
  };
}

function meanOf(name: string, sums: RunningSums, rule: AnalysisRule): Estimate | undefined {
  if (sums.n === 0) return undefined;
  const interval = meanConfidenceSequence(sums, {
    alpha: rule.alpha,
    tunedForRows: rule.minSamples,
  });
  const bounds = interval.kind === 'estimated' && {
    lower: interval.lower,
    upper: interval.upper,
  };
  return {
    name,
    value: sums.sum / sums.n,
    ...bounds,
    confidence: 1 - rule.alpha,
    n: sums.n,
    method: 'asymptotic confidence sequence',
  };
}

function rateOf(name: string, events: number, n: number, rule: AnalysisRule): Estimate {
  const bounds = bernoulliBounds(events, n, rule.alpha);
  return {
    name,
    value: events / n,
    ...bounds,
    confidence: 1 - rule.alpha,
    n,
    method: 'exact confidence sequence',
  };
}

function share(events: number, n: number): number {
  return n === 0 ? 0 : events / n;
}

/** 1,840 for 1840. */
export function count(n: number): string {
  return n.toLocaleString('en-US');
}

function number(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
