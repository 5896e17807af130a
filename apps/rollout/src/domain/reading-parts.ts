import {
  meanConfidenceSequence,
  proportionConfidenceSequence,
  type RunningSums,
  type SequentialVerdict,
} from '@rondo/statistics';
import type { Estimate, Reading, Verdict } from './reading.js';
import { harmAlphaOf, type AnalysisRule } from './rollout-plan.js';

/** e-values are cut here, so that they stay finite in JSON. */
const LARGEST_LOG_E = 700;

export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

const VERDICTS: Readonly<Record<SequentialVerdict['verdict'], Verdict>> = {
  'non-inferior': 'Pass',
  harm: 'Fail',
  inconclusive: 'Inconclusive',
};

/** What every look tells the verdict. */
export function lookOf(rule: AnalysisRule, samples: number, harm: Bounds | undefined) {
  const { minSamples, margin } = rule;
  return { samples, minSamples, margin, ...(harm && { harm }) };
}

interface Parts {
  readonly samples: number;
  readonly unit: string;
  readonly logE: number;
  readonly decision: SequentialVerdict;
  readonly champion: Estimate | undefined;
  readonly candidate: Estimate | undefined;
  readonly difference: Estimate | undefined;
}

/** A reading from its parts, with its explanation in words. */
export function reading(rule: AnalysisRule, looks: number, parts: Parts): Reading {
  const { samples, unit, logE, decision, champion, candidate, difference } = parts;
  return {
    analysis: rule.name,
    verdict: VERDICTS[decision.verdict],
    ...(champion && { champion }),
    ...(candidate && { candidate }),
    ...(difference && { difference }),
    eValue: cappedEValue(logE),
    alpha: harmAlphaOf(rule),
    looks,
    samples,
    minSamples: rule.minSamples,
    unit,
    moreNeeded: decision.moreNeeded,
    explanation: explain(rule, parts),
  };
}

function explain(rule: AnalysisRule, { samples, unit, decision, difference }: Parts): string {
  const counted = `n=${count(samples)} of ${count(rule.minSamples)}`;
  if (decision.reason === 'below-minimum') return `needs ${count(rule.minSamples - samples)} more ${unit} (${counted})`;
  if (!difference) return `needs ${unit} that differ (${counted})`;
  const numbers = `${numbersOf(difference, rule)}, n=${count(samples)} ${unit}`;
  if (decision.verdict === 'non-inferior') return `the challenger is not worse: ${numbers}`;
  if (decision.verdict === 'harm') return `the challenger is worse: ${numbers}`;
  return `${openBecause(rule, decision, unit)}: ${numbers}`;
}

/** A difference in words, with its interval and what is tolerated. */
export function numbersOf({ name, value, lower, upper }: Estimate, { margin }: AnalysisRule): string {
  const bounds = lower === undefined ? '' : ` [${number(lower)}, ${number(upper ?? NaN)}]`;
  return `${name} ${value > 0 ? '+' : ''}${number(value)}${bounds} against the champion, tolerated loss ${number(margin)}`;
}

/** The e-value of a logarithm, finite. */
export function cappedEValue(logE: number): number {
  return Math.exp(Math.min(LARGEST_LOG_E, logE));
}

function openBecause(rule: AnalysisRule, { reason, moreNeeded }: SequentialVerdict, unit: string): string {
  if (reason === 'immature-labels')
    return `waits for late labels, ${number(100 * (rule.minLabelShare ?? 0))} % of the compared rows must have theirs`;
  if (moreNeeded === null) return 'undecided, and more of the same would not decide it';
  return `undecided, about ${count(moreNeeded)} more ${unit} decide if it stays so`;
}

/** A difference with its bounds, as far as there are any. */
export function estimate(
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

export function meanOf(name: string, sums: RunningSums, rule: AnalysisRule): Estimate | undefined {
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

export function rateOf(name: string, events: number, n: number, rule: AnalysisRule): Estimate {
  const bounds = proportionConfidenceSequence(events, n, { alpha: rule.alpha });
  return {
    name,
    value: events / n,
    ...bounds,
    confidence: 1 - rule.alpha,
    n,
    method: 'exact confidence sequence',
  };
}

/** Part of the whole; 0 of nothing. */
export function share(events: number, n: number): number {
  return n === 0 ? 0 : events / n;
}

/** 1,840 for 1840. */
export function count(n: number): string {
  return n.toLocaleString('en-US');
}

/** Three digits. */
export function number(value: number): string {
  return Number(value.toPrecision(3)).toString();
}
