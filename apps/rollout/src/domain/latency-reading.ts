import {
  bettingConfidenceSequence,
  bettingLogEValue,
  independentBlocks,
  rowsUntil,
  sequentialVerdict,
  type EvenSeries,
  type IndependentBlocks,
  type MeanBet,
} from '@rondo/statistics';
import type { LatencyEvidence } from './evidence.js';
import type { Estimate, Reading } from './reading.js';
import { estimate, lookOf, reading, share } from './reading-parts.js';
import { harmAlphaOf, type AnalysisRule } from './rollout-plan.js';

/** Added share of slow requests that is tolerated: a p95 estimated from a hundred requests is no sharper than this. */
const SLOW_SHARE_TOLERANCE = 0.2;
/** Fewer blocks tell too little of how alike neighbours are. */
const BLOCKS_MIN = 24;
/** A request is slow with the candidate only, with the champion only, or with both or none. */
const RANGE = { least: -1, most: 1 };
const HARM: MeanBet = { ...RANGE, mean: 0, side: 'above' };
const TOLERABLE: MeanBet = { ...RANGE, mean: SLOW_SHARE_TOLERANCE, side: 'below' };

/**
 * Difference of the shares of slow requests. Times of neighbouring requests are alike, so only blocks of three autocorrelation times
 * count as independent; the test bets on their means, which assumes nothing of the times but that equal models are slow alike.
 */
export function readLatency(rule: AnalysisRule, state: LatencyEvidence, looks: number): Reading {
  const { requests, championSlow, candidateSlow, slower, slow } = state;
  const limited = { ...rule, margin: SLOW_SHARE_TOLERANCE };
  const blocks = blocksOf(slower);
  const means = blocks?.kind === 'blocks' ? blocks.means : [];
  const bounds = boundsOf(blocks, { ...RANGE, alpha: rule.alpha });
  const harm = bettingLogEValue(means, HARM);
  const decides = (repeats: number): boolean =>
    bettingLogEValue(means, { ...HARM, repeats }) >= -Math.log(harmAlphaOf(rule)) ||
    bettingLogEValue(means, { ...TOLERABLE, repeats }) >= -Math.log(rule.alpha / 2);
  const method = 'betting on block means';
  const arm = (requestsSlow: number, series: EvenSeries | undefined): Estimate | undefined =>
    requests > 0
      ? {
          name: 'slowRequestShare',
          value: share(requestsSlow, requests),
          ...(series && boundsOf(blocksOf(series), { least: 0, most: 1, alpha: rule.alpha })),
          confidence: 1 - rule.alpha,
          n: requests,
          method,
        }
      : undefined;
  return reading(limited, looks, {
    samples: requests,
    unit: 'requests',
    logE: harm,
    decision: sequentialVerdict({
      ...lookOf(limited, requests, bounds),
      harmShown: harm >= -Math.log(harmAlphaOf(rule)),
      decidesAt: () =>
        blocks?.kind === 'insufficient'
          ? requests + blocks.pointsNeeded * slower.span
          : rowsUntil(requests, (rows) => decides(rows / requests)),
    }),
    champion: arm(championSlow, slow?.champion),
    candidate: arm(candidateSlow, slow?.candidate),
    difference:
      requests > 0
        ? estimate('slowRequestShare', (candidateSlow - championSlow) / requests, bounds, {
            rule,
            n: requests,
            method,
            limit: SLOW_SHARE_TOLERANCE,
          })
        : undefined,
  });
}

function blocksOf({ sums, span }: EvenSeries): IndependentBlocks | undefined {
  return sums.length > 0
    ? independentBlocks(
        sums.map((sum) => sum / span),
        BLOCKS_MIN,
      )
    : undefined;
}

/** Bounds of a mean at any time; none before there are blocks enough. */
function boundsOf(
  blocks: IndependentBlocks | undefined,
  range: { readonly least: number; readonly most: number; readonly alpha: number },
): { readonly lower: number; readonly upper: number } | undefined {
  if (blocks?.kind !== 'blocks') return undefined;
  const { lower, upper } = bettingConfidenceSequence(blocks.means, range);
  return { lower, upper };
}
