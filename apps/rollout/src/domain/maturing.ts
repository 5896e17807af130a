import { assert, formatDurationMs } from '@rondo/kernel';
import { labelMaturity, updatePairedEProcess, type RunningSums } from '@rondo/statistics';
import { addBatch, addPairs, emptyEvidence, readEvidence, type EvidenceState } from './evidence.js';
import type { ScoredPair, ServedBatch } from './observations.js';
import type { Reading } from './reading.js';
import { harmAlphaOf, type AnalysisRule, type LabelMaturityRule } from './rollout-plan.js';

type LabelEvidence = Extract<EvidenceState, { metric: 'logLoss' | 'accuracy' }>;

/** Requests of a stretch of policy time, and what is known of their outcomes. */
interface YoungRequests {
  /** Start of the stretch; it lasts a {@link STRETCHES}th of the age. */
  readonly fromMs: number;
  readonly evidence: LabelEvidence;
}

/**
 * Evidence by the age of the requests it rests on: outcomes that come soon are not like those that come late, so only requests
 * old enough to have theirs may show that a candidate is no worse. Bounded: what is old enough is added up.
 */
export interface MaturingEvidence {
  /** Requests of the asked age or older. */
  readonly mature: LabelEvidence;
  /** Requests before this were added to `mature`; absent while there are none. */
  readonly matureUntilMs?: number;
  /** Younger ones, oldest first. */
  readonly young: readonly YoungRequests[];
  /** Rows whose outcome came within 1, 2, … {@link STRETCHES} stretches, and last later. */
  readonly delays: readonly number[];
}

/** Resolution of ages and delays: a share of the age asked for. */
const STRETCHES = 24;

/** Nothing served. */
export function emptyMaturing(rule: AnalysisRule): MaturingEvidence {
  return {
    mature: ofLabels(emptyEvidence(rule)),
    young: [],
    delays: new Array<number>(STRETCHES + 1).fill(0),
  };
}

/** Takes in the rows of a served request that wait for their outcome. */
export function addServed(rule: AnalysisRule, maturing: MaturingEvidence, batch: ServedBatch): MaturingEvidence {
  return added(rule, settled(rule, maturing, batch.eventTimeMs), batch.eventTimeMs, (state) =>
    addBatch(rule, state, batch),
  );
}

/** Takes in outcomes of a request, `nowMs` in policy time. */
export function addOutcomes(
  rule: AnalysisRule,
  maturing: MaturingEvidence,
  pairs: readonly ScoredPair[],
  at: { readonly servedMs: number; readonly nowMs: number },
): MaturingEvidence {
  const waited = Math.max(1, Math.ceil((at.nowMs - at.servedMs) / stretchMs(rule)));
  const delay = Math.min(STRETCHES + 1, waited) - 1;
  const delays = maturing.delays.map((rows, i) => (i === delay ? rows + pairs.length : rows));
  return added(rule, { ...maturing, delays }, at.servedMs, (state) => addPairs(rule, state, pairs));
}

/**
 * What the evidence says now: harm is looked for in all outcomes, no harm in those of requests that are old enough, and only once
 * enough of these have their outcome. Both looks are at half of the analysis' alpha.
 */
export function readMaturing(
  rule: AnalysisRule,
  all: EvidenceState,
  maturing: MaturingEvidence,
  { looks, nowMs }: { readonly looks: number; readonly nowMs: number },
): Reading {
  const half = { ...rule, alpha: rule.alpha / 2, harmAlpha: harmAlphaOf(rule) / 2 };
  const early = readEvidence(half, all, looks);
  if (early.verdict === 'Fail') return early;
  const now = settled(rule, maturing, nowMs);
  const reading = { ...readEvidence(half, now.mature, looks), arrived: early.samples };
  const waits = waitsFor(rule, now, nowMs);
  if (!waits || reading.verdict === 'Fail') return reading;
  return {
    ...reading,
    verdict: 'Inconclusive',
    moreNeeded: null,
    explanation: `waits for late labels: ${waits}; so far ${reading.explanation}`,
  };
}

/** Policy time at which the oldest of the young requests are old enough; undefined without any. */
export function maturesAtMs(rule: AnalysisRule, { young }: MaturingEvidence): number | undefined {
  return young[0] && young[0].fromMs + stretchMs(rule) + maturityOf(rule).ageMs;
}

/** Why the outcomes are no fair sample yet; undefined when they are. */
function waitsFor(rule: AnalysisRule, maturing: MaturingEvidence, nowMs: number): string | undefined {
  const { mature, young, delays } = maturing;
  const { ageMs, share } = maturityOf(rule);
  const width = stretchMs(rule);
  // Outcomes by how long they took, then rows without one by how long they have been watched.
  const groups = [
    ...delays.map((rows, i) => ({ age: i + 1, labelled: 1, rows })),
    ...young.map(({ fromMs, evidence }) => ({
      age: Math.max(0, Math.floor((nowMs - fromMs) / width) - 1),
      labelled: 0,
      rows: missing(evidence),
    })),
    { age: STRETCHES, labelled: 0, rows: missing(mature) },
  ];
  const found = labelMaturity(
    groups.map(({ age }) => age),
    groups.map(({ labelled }) => labelled),
    { age: STRETCHES, share, counts: groups.map(({ rows }) => rows) },
  );
  const age = formatDurationMs(ageMs);
  if (mature.logged === 0) {
    const firstMs = maturesAtMs(rule, maturing);
    return `no request is ${age} old yet${firstMs === undefined ? '' : `, the first is in ${formatDurationMs(upToMinute(firstMs - nowMs))}`}`;
  }
  if (found.kind === 'insufficient') return `no request was watched for ${age} yet`;
  if (found.mature) return undefined;
  const [measured, lower, upper] = [found.share, found.lower, found.upper].map((value) => percent(value));
  return `${measured} % [${lower}, ${upper}] of the outcomes come within ${age}, ${percent(share)} % must, n=${found.n.toLocaleString('en-US')}`;
}

/** Adds up what has become old enough. */
function settled(rule: AnalysisRule, maturing: MaturingEvidence, nowMs: number): MaturingEvidence {
  const limitMs = nowMs - maturityOf(rule).ageMs;
  const isOld = ({ fromMs }: YoungRequests): boolean => fromMs + stretchMs(rule) <= limitMs;
  const old = maturing.young.filter(isOld);
  if (old.length === 0) return maturing;
  return {
    ...maturing,
    mature: old.reduce((sum, { evidence }) => together(sum, evidence), maturing.mature),
    matureUntilMs: Math.max(...old.map(({ fromMs }) => fromMs + stretchMs(rule))),
    young: maturing.young.filter((one) => !isOld(one)),
  };
}

/** Changes the evidence that requests of a moment belong to. */
function added(
  rule: AnalysisRule,
  maturing: MaturingEvidence,
  servedMs: number,
  change: (state: EvidenceState) => EvidenceState,
): MaturingEvidence {
  if (maturing.matureUntilMs !== undefined && servedMs < maturing.matureUntilMs)
    return { ...maturing, mature: ofLabels(change(maturing.mature)) };
  const width = stretchMs(rule);
  const fromMs = Math.floor(servedMs / width) * width;
  const known = maturing.young.find((one) => one.fromMs === fromMs);
  const next = { fromMs, evidence: ofLabels(change(known?.evidence ?? emptyEvidence(rule))) };
  const others = maturing.young.filter((one) => one !== known);
  return { ...maturing, young: [...others, next].toSorted((a, b) => a.fromMs - b.fromMs) };
}

function together(a: LabelEvidence, b: LabelEvidence): LabelEvidence {
  const logged = a.logged + b.logged;
  if (a.metric === 'logLoss') {
    assert(b.metric === 'logLoss', 'evidence of one analysis has one metric');
    return {
      metric: 'logLoss',
      champion: sumOf(a.champion, b.champion),
      candidate: sumOf(a.candidate, b.candidate),
      difference: sumOf(a.difference, b.difference),
      logged,
    };
  }
  assert(b.metric === 'accuracy', 'evidence of one analysis has one metric');
  const { losses, wins } = b.pairs;
  return {
    metric: 'accuracy',
    n: a.n + b.n,
    championRight: a.championRight + b.championRight,
    pairs: updatePairedEProcess(a.pairs, { losses, wins }),
    logged,
  };
}

function sumOf(a: RunningSums, b: RunningSums): RunningSums {
  return { n: a.n + b.n, sum: a.sum + b.sum, sumSquares: a.sumSquares + b.sumSquares };
}

/** Rows whose outcome has not come. */
function missing(state: LabelEvidence): number {
  return Math.max(0, state.logged - (state.metric === 'logLoss' ? state.difference.n : state.n));
}

function ofLabels(state: EvidenceState): LabelEvidence {
  assert(state.metric === 'logLoss' || state.metric === 'accuracy', `${state.metric} does not rest on labels`);
  return state;
}

function maturityOf({ name, labelMaturity: asked }: AnalysisRule): LabelMaturityRule {
  assert(asked, `${name} does not ask for the maturity of labels`);
  return asked;
}

const stretchMs = (rule: AnalysisRule): number => maturityOf(rule).ageMs / STRETCHES;
const upToMinute = (ms: number): number => Math.ceil(ms / 60_000) * 60_000;
const percent = (share: number): string => Number((100 * share).toPrecision(3)).toString();
