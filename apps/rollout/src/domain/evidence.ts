import {
  addToSeries,
  emptySeries,
  startCountEProcess,
  startPairedEProcess,
  updateCountEProcess,
  updatePairedEProcess,
  type CountEProcess,
  type EvenSeries,
  type PairedEProcess,
  type RunningSums,
} from '@rondo/statistics';
import { readLatency } from './latency-reading.js';
import type { ScoredPair, ServedBatch } from './observations.js';
import type { Reading } from './reading.js';
import { readAccuracy, readEngagement, readErrorRate, readLogLoss } from './readings.js';
import type { AnalysisRule } from './rollout-plan.js';

/** Sufficient statistics of one analysis: plain JSON that goes on after a restart. */
export type EvidenceState =
  | {
      readonly metric: 'logLoss';
      readonly champion: RunningSums;
      readonly candidate: RunningSums;
      readonly difference: RunningSums;
      /** Rows both models scored, labelled or not. */
      readonly logged: number;
    }
  | {
      readonly metric: 'accuracy';
      readonly n: number;
      readonly championRight: number;
      readonly pairs: PairedEProcess;
      /** Rows both models scored, labelled or not. */
      readonly logged: number;
    }
  | { readonly metric: 'errorRate'; readonly counts: CountEProcess }
  | LatencyEvidence
  | {
      readonly metric: 'engagement';
      readonly champion: RunningSums;
      readonly candidate: RunningSums;
    };

/** How often each model was slower than the other usually is, in order of arrival: neighbouring requests are alike. */
export interface LatencyEvidence {
  readonly metric: 'latencyMs';
  /** Requests compared, and those in which each model was slow. */
  readonly requests: number;
  readonly championSlow: number;
  readonly candidateSlow: number;
  /** Per request 1 where only the candidate was slow, -1 where only the champion was. */
  readonly slower: EvenSeries;
  /** Per request 1 where the model was slow; absent in a rollout that began before these were kept. */
  readonly slow?: { readonly champion: EvenSeries; readonly candidate: EvenSeries };
  readonly recentChampionMs: readonly number[];
  readonly recentCandidateMs: readonly number[];
}

const NO_SUMS: RunningSums = { n: 0, sum: 0, sumSquares: 0 };
/** Requests of a model that the limit of the other is taken from. */
const RECENT_REQUESTS = 100;
/** Requests needed before a limit can be taken. */
const FEWEST_REQUESTS = 5;
/** Scores are kept this far from 0 and 1, so that one sure mistake has a finite loss. */
const SCORE_MARGIN = 1e-7;
/** Score from which a row is answered as positive. */
const DECISION_THRESHOLD = 0.5;

const NO_LATENCIES: LatencyEvidence = {
  metric: 'latencyMs',
  requests: 0,
  championSlow: 0,
  candidateSlow: 0,
  slower: emptySeries,
  slow: { champion: emptySeries, candidate: emptySeries },
  recentChampionMs: [],
  recentCandidateMs: [],
};

/** Nothing observed. */
export function emptyEvidence(rule: AnalysisRule): EvidenceState {
  switch (rule.metric) {
    case 'logLoss':
      return {
        metric: 'logLoss',
        champion: NO_SUMS,
        candidate: NO_SUMS,
        difference: NO_SUMS,
        logged: 0,
      };
    case 'accuracy':
      return {
        metric: 'accuracy',
        n: 0,
        championRight: 0,
        pairs: startPairedEProcess(),
        logged: 0,
      };
    case 'errorRate':
      return { metric: 'errorRate', counts: startCountEProcess() };
    case 'latencyMs':
      return NO_LATENCIES;
    case 'engagement':
      return { metric: 'engagement', champion: NO_SUMS, candidate: NO_SUMS };
  }
}

/** Takes in rows that both models scored and whose outcome is known. */
export function addPairs(_rule: AnalysisRule, state: EvidenceState, pairs: readonly ScoredPair[]): EvidenceState {
  switch (state.metric) {
    case 'logLoss':
      return addLosses(state, pairs);
    case 'accuracy':
      return addCorrectness(state, pairs);
    case 'errorRate':
    case 'latencyMs':
    case 'engagement':
      return state;
  }
}

/** Takes in one served request: rows that wait for labels, failures and wall time of both models. */
export function addBatch(rule: AnalysisRule, state: EvidenceState, batch: ServedBatch): EvidenceState {
  switch (state.metric) {
    case 'errorRate':
      return {
        ...state,
        counts: updateCountEProcess(state.counts, errorCounts(batch)),
      };
    case 'latencyMs':
      return addLatency(rule, comparable(state), batch);
    case 'logLoss':
    case 'accuracy':
      return { ...state, logged: state.logged + pairedRows(batch) };
    case 'engagement':
      return state;
  }
}

/** Takes in a user's reaction to an answer of one arm. */
export function addFeedback(
  rule: AnalysisRule,
  state: EvidenceState,
  feedback: {
    readonly arm: 'candidate' | 'champion';
    readonly name: string;
    readonly value: number;
  },
): EvidenceState {
  if (state.metric !== 'engagement' || (rule.feedback !== undefined && rule.feedback !== feedback.name)) return state;
  return {
    ...state,
    [feedback.arm]: addValue(state[feedback.arm], feedback.value),
  };
}

/** What the evidence says now. */
export function readEvidence(rule: AnalysisRule, state: EvidenceState, looks: number): Reading {
  switch (state.metric) {
    case 'logLoss':
      return readLogLoss(rule, state, looks);
    case 'accuracy':
      return readAccuracy(rule, state, looks);
    case 'errorRate':
      return readErrorRate(rule, state, looks);
    case 'latencyMs':
      return readLatency(rule, comparable(state), looks);
    case 'engagement':
      return readEngagement(rule, state, looks);
  }
}

function addLosses(state: EvidenceState & { metric: 'logLoss' }, pairs: readonly ScoredPair[]): EvidenceState {
  let { champion, candidate, difference } = state;
  for (const pair of pairs) {
    const championLoss = lossOf(pair.champion, pair.label);
    const candidateLoss = lossOf(pair.candidate, pair.label);
    champion = addValue(champion, championLoss);
    candidate = addValue(candidate, candidateLoss);
    difference = addValue(difference, candidateLoss - championLoss);
  }
  return { ...state, champion, candidate, difference };
}

function addCorrectness(state: EvidenceState & { metric: 'accuracy' }, pairs: readonly ScoredPair[]): EvidenceState {
  let { championRight } = state;
  const discordant = { losses: 0, wins: 0 };
  for (const { champion, candidate, label } of pairs) {
    const championIsRight = isPositive(champion) === (label === 1);
    const candidateIsRight = isPositive(candidate) === (label === 1);
    if (championIsRight) championRight += 1;
    if (championIsRight && !candidateIsRight) discordant.losses += 1;
    if (!championIsRight && candidateIsRight) discordant.wins += 1;
  }
  return {
    ...state,
    n: state.n + pairs.length,
    championRight,
    pairs: updatePairedEProcess(state.pairs, discordant),
  };
}

/** The requests each model was asked, and those that failed. */
function errorCounts({ champion, candidate }: ServedBatch): Parameters<typeof updateCountEProcess>[1] {
  return {
    canaryEvents: candidate.failed,
    canaryExposure: candidate.requests,
    baselineEvents: champion.failed,
    baselineExposure: champion.requests,
  };
}

/**
 * Notes which model was slower, per row, than the other one's p95 of its last hundred requests plus the tolerated margin. Each is held
 * to the other's limit, so under equality they are slow equally often, however much the times of neighbouring requests depend on
 * each other. Only requests whose same rows both models scored are compared: the time of a row depends on how many share the call.
 */
function addLatency(rule: AnalysisRule, state: LatencyEvidence, batch: ServedBatch): LatencyEvidence {
  const rows = pairedRows(batch);
  if (rows === 0 || batch.championLatencyMs <= 0 || batch.candidateLatencyMs <= 0) return state;
  const championMs = batch.championLatencyMs / rows;
  const candidateMs = batch.candidateLatencyMs / rows;
  const recent = {
    recentChampionMs: [...state.recentChampionMs, championMs].slice(-RECENT_REQUESTS),
    recentCandidateMs: [...state.recentCandidateMs, candidateMs].slice(-RECENT_REQUESTS),
  };
  if (state.recentChampionMs.length < FEWEST_REQUESTS) return { ...state, ...recent };
  const candidateSlow = candidateMs > percentile95(state.recentChampionMs) + rule.margin ? 1 : 0;
  const championSlow = championMs > percentile95(state.recentCandidateMs) + rule.margin ? 1 : 0;
  return {
    ...state,
    ...recent,
    requests: state.requests + 1,
    championSlow: state.championSlow + championSlow,
    candidateSlow: state.candidateSlow + candidateSlow,
    slower: addToSeries(state.slower, candidateSlow - championSlow),
    ...(state.slow && {
      slow: {
        champion: addToSeries(state.slow.champion, championSlow),
        candidate: addToSeries(state.slow.candidate, candidateSlow),
      },
    }),
  };
}

/** A rollout of an earlier version kept no series; its times are compared anew. */
function comparable(state: LatencyEvidence | { readonly slower?: undefined }): LatencyEvidence {
  return state.slower === undefined ? NO_LATENCIES : state;
}

/** 95th percentile by nearest rank. */
export function percentile95(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(0.95 * sorted.length) - 1)] ?? 0;
}

function pairedRows(batch: ServedBatch): number {
  let rows = 0;
  for (let i = 0; i < batch.championScores.length; i++)
    if (batch.championScores[i] !== null && batch.candidateScores[i] !== null) rows += 1;
  return rows;
}

/** Log loss of a row in nats, of a score that counts as at least `margin` and at most 1 - `margin`. */
export function lossOf(score: number, label: 0 | 1, margin = SCORE_MARGIN): number {
  const kept = Math.min(1 - margin, Math.max(margin, score));
  return label === 1 ? -Math.log(kept) : -Math.log1p(-kept);
}

/** Whether a score is answered as positive. */
export function isPositive(score: number): boolean {
  return score >= DECISION_THRESHOLD;
}

function addValue(sums: RunningSums, value: number): RunningSums {
  return {
    n: sums.n + 1,
    sum: sums.sum + value,
    sumSquares: sums.sumSquares + value * value,
  };
}
