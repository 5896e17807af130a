import { boundedMeanConfidenceSequence, boundedMeanLogEValue, eBenjaminiHochberg } from '@rondo/statistics';
import { isPositive, lossOf } from './evidence.js';
import type { ScoredPair } from './observations.js';
import type { Reading, SliceReading, SliceReadings } from './reading.js';
import { cappedEValue, count, number, numbersOf } from './reading-parts.js';
import type { AnalysisMetric, AnalysisRule, SliceFeature, SliceRule } from './rollout-plan.js';

/** Loss of the candidate over the champion by slice: the slices of the first feature, then those of the next. Sums in parallel. */
export interface SliceSums {
  readonly n: readonly number[];
  readonly sum: readonly number[];
  readonly sumSquares: readonly number[];
}

/** Scores are kept this far from 0 and 1: the less the loss of one row can be, the sooner harm shows. */
const SCORE_MARGIN = 1e-3;
/** Losses of a row differ by this much at most. */
const LARGEST_LOSS: Readonly<Partial<Record<AnalysisMetric, number>>> = {
  logLoss: Math.log((1 - SCORE_MARGIN) / SCORE_MARGIN),
  accuracy: 1,
};
/** Slices told of. */
const WORST = 20;

/** No labels. */
export function emptySlices(rule: SliceRule): SliceSums {
  const zeros = sliceNames(rule).map(() => 0);
  return { n: zeros, sum: zeros, sumSquares: zeros };
}

/** Adds rows to the slices they are in; rows of which the slices are not known are in none. */
export function addToSlices(
  { features }: SliceRule,
  metric: AnalysisMetric,
  sums: SliceSums,
  pairs: readonly ScoredPair[],
): SliceSums {
  const [n, sum, sumSquares] = [[...sums.n], [...sums.sum], [...sums.sumSquares]];
  const sizes = features.map(slicesBy);
  for (const pair of pairs) {
    if (!pair.slices) continue;
    const loss = lossOver(metric, pair);
    let first = 0;
    for (let i = 0; i < sizes.length; i++) {
      const code = pair.slices[i]!;
      if (code < sizes[i]!) {
        n[first + code]! += 1;
        sum[first + code]! += loss;
        sumSquares[first + code]! += loss * loss;
      }
      first += sizes[i]!;
    }
  }
  return { n, sum, sumSquares };
}

/**
 * Looks for harm beyond the margin in each slice: an e-value by betting on the bounded loss of a row, and e-BH over all slices that the
 * policy names. Those with too few labels count among them: if only those with enough did, the first to have them would be tried
 * among few, and all looks together would find more than the rate says.
 */
export function readSlices(rule: SliceRule, analysis: AnalysisRule, sums: SliceSums): SliceReadings {
  const most = LARGEST_LOSS[analysis.metric] ?? 0;
  const names = sliceNames(rule);
  const { falseDiscoveryRate, minSamples } = rule;
  const slices = names.map((slice, i) => ({
    slice,
    sums: { n: sums.n[i]!, sum: sums.sum[i]!, sumSquares: sums.sumSquares[i]! },
  }));
  const logEValues = slices.map((one) =>
    one.sums.n < minSamples
      ? -Infinity
      : boundedMeanLogEValue(one.sums, { least: -most, most, mean: analysis.margin, side: 'above' }),
  );
  const harmed = eBenjaminiHochberg(logEValues, falseDiscoveryRate);
  const checked = slices.map((_, i) => i).filter((i) => logEValues[i]! > -Infinity);
  const alpha = falseDiscoveryRate / names.length;
  const worst = checked
    .toSorted((a, b) => logEValues[b]! - logEValues[a]!)
    .slice(0, WORST)
    .map((i): SliceReading => {
      const { slice, sums: of } = slices[i]!;
      const { lower, upper } = boundedMeanConfidenceSequence(of, { least: -most, most, alpha });
      const loss = { value: of.sum / of.n, lower, upper, limit: analysis.margin };
      const method = 'confidence sequence of a bounded mean';
      const difference = { name: analysis.metric, confidence: 1 - alpha, n: of.n, method, ...signed(analysis, loss) };
      return { slice, difference, eValue: cappedEValue(logEValues[i]!), harmed: harmed[i]! };
    });
  return {
    total: names.length,
    checked: checked.length,
    harmed: harmed.filter(Boolean).length,
    falseDiscoveryRate,
    minSamples,
    worst,
  };
}

/** Harm in a slice fails the analysis; no harm in any leaves its verdict as it is. */
export function judgedWithSlices(rule: AnalysisRule, overall: Reading, slices: SliceReadings): Reading {
  const [worst] = slices.worst;
  if (overall.verdict === 'Fail') return { ...overall, slices };
  if (!worst?.harmed) return { ...overall, slices, explanation: `${overall.explanation}; ${unharmed(slices)}` };
  const others = slices.harmed > 1 ? ` and in ${slices.harmed - 1} more` : '';
  const numbers = numbersOf(worst.difference, rule);
  const level = `e-value ${number(worst.eValue)}, e-BH over ${slices.total} slices at a false discovery rate of ${number(slices.falseDiscoveryRate)}`;
  const explanation = `the challenger is worse in the slice ${worst.slice}${others}: ${numbers}, n=${count(worst.difference.n)} labels, ${level}`;
  return { ...overall, verdict: 'Fail', moreNeeded: 0, explanation, slices };
}

function unharmed({ total, checked, minSamples }: SliceReadings): string {
  const few = total - checked;
  if (checked === 0) return `none of ${total} slices has the ${count(minSamples)} labels to be judged`;
  const rest = few > 0 ? `, ${few} of ${total} have fewer than ${count(minSamples)} labels` : '';
  return `no harm shown in ${checked} slices${rest}`;
}

/** More is worse of a loss, less of an accuracy. */
function signed({ metric }: AnalysisRule, loss: Bounded): Bounded {
  if (metric === 'logLoss') return loss;
  return { value: -loss.value, lower: -loss.upper, upper: -loss.lower, limit: -loss.limit };
}

interface Bounded {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  readonly limit: number;
}

function lossOver(metric: AnalysisMetric, { champion, candidate, label }: ScoredPair): number {
  if (metric === 'logLoss') return lossOf(candidate, label, SCORE_MARGIN) - lossOf(champion, label, SCORE_MARGIN);
  return Number(isPositive(champion) === (label === 1)) - Number(isPositive(candidate) === (label === 1));
}

/** With the rows before the first cut, or of no named value, and those without a value. */
function slicesBy({ cuts, values }: SliceFeature): number {
  return (cuts ?? values ?? []).length + 2;
}

/** In the order of the codes: no value first. */
function sliceNames({ features }: SliceRule): string[] {
  return features.flatMap(({ feature, cuts, values }) => {
    const missing = `${feature} missing`;
    if (values) return [missing, ...values.map((value) => `${feature} = ${value}`), `${feature} other`];
    const edges = cuts ?? [];
    const between = edges.slice(1).map((cut, i) => `${edges[i]} <= ${feature} < ${cut}`);
    return [missing, `${feature} < ${edges[0]}`, ...between, `${feature} >= ${edges.at(-1)}`];
  });
}
