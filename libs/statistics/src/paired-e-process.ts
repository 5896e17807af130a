import { checkBetween, checkCount } from './checks.js';
import {
  evidence,
  eventsToDecision,
  logMeanExp,
  type SamplesToDecision,
  type SequentialEvidence,
} from './count-e-process.js';

/** Plain JSON; holds everything needed to go on after a restart. */
export interface PairedEProcess {
  /** Rows where only the candidate was wrong. */
  readonly losses: number;
  /** Rows where only the champion was wrong. */
  readonly wins: number;
  readonly maxLogEHarm: number;
  readonly maxLogEBenefit: number;
}

/** Evidence in both directions; each is a test of its own at the level asked for. */
export interface PairedEvidence {
  /** Against "the candidate is at least as good". */
  readonly harm: SequentialEvidence;
  /** Against "the candidate is at most as good". */
  readonly benefit: SequentialEvidence;
}

const CHANCES: readonly number[] = [0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9];
/** ln of each coin's likelihood ratio against a fair one, for a hit and for a miss. */
const LOG_RATIOS = CHANCES.map((p) => [Math.log(2 * p), Math.log(2 * (1 - p))] as const);

/**
 * Starts a sequential McNemar test: both models answer the same rows, only rows where exactly one is right count. Under
 * equality each of those is a fair coin; the e-value averages the likelihood ratios of coins 0.55, 0.6, … 0.9.
 * Source: McNemar (1947); Ramdas et al. (2023), Statistical Science 38:576.
 * @example startPairedEProcess() // => { losses: 0, wins: 0, maxLogEHarm: 0, maxLogEBenefit: 0 }
 */
export function startPairedEProcess(): PairedEProcess {
  return { losses: 0, wins: 0, maxLogEHarm: 0, maxLogEBenefit: 0 };
}

/**
 * The state after more discordant rows, which may come one at a time or in batches; looks happen at batch ends.
 * @example updatePairedEProcess(startPairedEProcess(), { losses: 9, wins: 1 }) // => { losses: 9, wins: 1, maxLogEHarm: 2.917956 }
 */
export function updatePairedEProcess(
  state: PairedEProcess,
  rows: { readonly losses: number; readonly wins: number },
): PairedEProcess {
  checkCount('losses', rows.losses);
  checkCount('wins', rows.wins);
  const losses = state.losses + rows.losses;
  const wins = state.wins + rows.wins;
  return {
    losses,
    wins,
    maxLogEHarm: Math.max(state.maxLogEHarm, logEValue(losses, wins)),
    maxLogEBenefit: Math.max(state.maxLogEBenefit, logEValue(wins, losses)),
  };
}

/**
 * What the test says now, in both directions, each with a false alarm probability of at most `alpha` over all looks.
 * @example readPairedEProcess({ losses: 30, wins: 5, maxLogEHarm: 8, maxLogEBenefit: 0 }, 0.05).harm.rejected // => true
 */
export function readPairedEProcess(state: PairedEProcess, alpha: number): PairedEvidence {
  const { losses, wins, maxLogEHarm, maxLogEBenefit } = state;
  return {
    harm: evidence(logEValue(losses, wins), maxLogEHarm, alpha),
    benefit: evidence(logEValue(wins, losses), maxLogEBenefit, alpha),
  };
}

function logEValue(hits: number, misses: number): number {
  return logMeanExp(LOG_RATIOS.map(([hit, miss]) => hits * hit + misses * miss));
}

/**
 * Discordant rows and rows until {@link startPairedEProcess} typically sees that the candidate is worse, from both
 * accuracies and the share of rows on which both give the same verdict. Null when it is not worse.
 * @example expectedPairsToDetectLoss({ championAccuracy: 0.9, candidateAccuracy: 0.85, agreement: 0.92, alpha: 0.05 }) // => { events: 15, rows: 188 }
 */
export function expectedPairsToDetectLoss(plan: {
  readonly championAccuracy: number;
  readonly candidateAccuracy: number;
  /** Share of rows on which both are right or both are wrong. */
  readonly agreement: number;
  readonly alpha: number;
}): SamplesToDecision | null {
  const { championAccuracy, candidateAccuracy, agreement, alpha } = plan;
  checkBetween('championAccuracy', championAccuracy, 0, 1);
  checkBetween('candidateAccuracy', candidateAccuracy, 0, 1);
  checkBetween('agreement', agreement, 0, 1);
  checkBetween('alpha', alpha, 0, 1);
  const discordant = 1 - agreement;
  const lossShare = Math.min(1, Math.max(0, (1 + (championAccuracy - candidateAccuracy) / discordant) / 2));
  const events = eventsToDecision(lossShare, 0.5, CHANCES, alpha);
  return events === null ? null : { events, rows: Math.ceil(events / discordant) };
}
