import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { eBenjaminiHochberg } from '@rondo/statistics';
import { joinLabels, noLabels, pendingFrom, type ScoredPair, type ServedBatch } from './observations.js';
import { observeBatch, observePairs } from './observing.js';
import { reconcile } from './override.js';
import { finishPromoted, finishRolledBack, start } from './rollout.js';
import type { AnalysisRule, RolloutPlan, SliceRule } from './rollout-plan.js';
import type { Change, RolloutState } from './rollout-state.js';
import { promote, unserved, type ModelBundle } from './routing.js';
import { addToSlices, emptySlices, judgedWithSlices, readSlices } from './slices.js';

const rule: SliceRule = {
  analysis: 'loss',
  features: [
    { feature: 'distance', column: 2, cuts: [500, 1500] },
    { feature: 'carrier', column: 5, values: [3, 8] },
  ],
  falseDiscoveryRate: 0.05,
  minSamples: 300,
};
const logLoss: AnalysisRule = { name: 'loss', metric: 'logLoss', alpha: 0.01, margin: 0.02, minSamples: 500 };
const accuracy: AnalysisRule = { ...logLoss, metric: 'accuracy' };
/** Codes of `distance >= 1500` and of `carrier = 8`. */
const [FAR, EIGHT] = [3, 2];

/** Rows of which the candidate knows the true chance better than the champion, but for those in the slice `carrier = 8`. */
function pairsOf(n: number, seed: number, harm = 0): ScoredPair[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => {
    const chance = 0.1 + 0.8 * random.next();
    const label = random.next() < chance ? 1 : 0;
    const slices = [random.int(4), random.int(4)];
    const towardsHalf = (by: number): number => (chance > 0.5 ? chance - by : chance + by);
    const champion = towardsHalf(0.25);
    return { champion, candidate: slices[1] === EIGHT ? towardsHalf(0.25 + harm) : chance, label, slices };
  });
}
const added = (pairs: readonly ScoredPair[], analysis = logLoss) =>
  addToSlices(rule, analysis.metric, emptySlices(rule), pairs);

describe('slices of a rollout', () => {
  it('are named by their feature and what its values have in common', () => {
    const everyone = Array.from({ length: 4 }, (_, code) => ({
      champion: 0.5,
      candidate: 0.6,
      label: 1 as const,
      slices: [code, code],
    }));
    const found = readSlices({ ...rule, minSamples: 1 }, logLoss, added(everyone));
    expect(found.worst.map(({ slice }) => slice).sort()).toEqual([
      '500 <= distance < 1500',
      'carrier = 3',
      'carrier = 8',
      'carrier missing',
      'carrier other',
      'distance < 500',
      'distance >= 1500',
      'distance missing',
    ]);
  });

  it('show harm in the one slice that is harmed, with its numbers, although all rows together do not', () => {
    const found = readSlices(rule, logLoss, added(pairsOf(8_000, 1, 0.2)));
    expect(found).toMatchObject({ total: 8, checked: 8, harmed: 1 });
    const [worst, second] = found.worst;
    expect(worst).toMatchObject({ slice: 'carrier = 8', harmed: true });
    expect(worst!.eValue).toBeGreaterThan(8 / 0.05);
    expect(worst!.difference).toMatchObject({ name: 'logLoss', limit: 0.02, confidence: 1 - 0.05 / 8 });
    expect(worst!.difference.lower).toBeLessThan(worst!.difference.value);
    expect(worst!.difference.upper).toBeGreaterThan(worst!.difference.value);
    expect(second!.harmed).toBe(false);
  });

  it('find none in a candidate that is as good, nor beyond a margin that is tolerated', () => {
    expect(readSlices(rule, logLoss, added(pairsOf(8_000, 2))).harmed).toBe(0);
    expect(readSlices(rule, { ...logLoss, margin: 0.9 }, added(pairsOf(8_000, 1, 0.2))).harmed).toBe(0);
  });

  it('judge together with those that have too few labels, so that early looks are no easier', () => {
    const harmed = pairsOf(4_000, 1, 0.2).filter(({ slices }) => slices?.[1] === EIGHT);
    const far = harmed.map((pair) => ({ ...pair, slices: [FAR, EIGHT] }));
    const looks = Array.from({ length: 30 }, (_, i) => {
      const found = readSlices({ ...rule, minSamples: 100 }, logLoss, added(far.slice(0, 100 + 10 * i)));
      expect(found).toMatchObject({ total: 8, checked: 2 });
      const logs = found.worst.map(({ eValue }) => Math.log(eValue));
      return { harmed: found.harmed, ofTwo: eBenjaminiHochberg(logs, 0.05).filter(Boolean).length };
    });
    expect(looks.some(({ harmed, ofTwo }) => ofTwo > 0 && harmed === 0)).toBe(true);
    expect(looks.at(-1)!.harmed).toBe(2);
  });

  it('say that they have too few labels', () => {
    const found = readSlices(rule, logLoss, added(pairsOf(200, 1, 0.2)));
    expect(found).toMatchObject({ checked: 0, harmed: 0, worst: [] });
    const overall = {
      analysis: 'loss',
      verdict: 'Inconclusive' as const,
      eValue: 1,
      alpha: 0.01,
      looks: 1,
      samples: 200,
      minSamples: 500,
      unit: 'labels',
      moreNeeded: 300,
      explanation: 'needs 300 more labels',
    };
    expect(judgedWithSlices(logLoss, overall, found)).toMatchObject({
      verdict: 'Inconclusive',
      explanation: 'needs 300 more labels; none of 8 slices has the 300 labels to be judged',
    });
  });

  it('come to the same sums in whatever order labels come, and after a restart', () => {
    const pairs = pairsOf(2_000, 3, 0.2);
    const halves = [pairs.slice(1_000), pairs.slice(0, 1_000)];
    const restored = halves.reduce(
      (sums, half) => JSON.parse(JSON.stringify(addToSlices(rule, 'logLoss', sums, half))) as typeof sums,
      emptySlices(rule),
    );
    const [once, again] = [added(pairs), restored].map((sums) => readSlices(rule, logLoss, sums));
    expect(again!.worst.map(({ slice }) => slice)).toEqual(once!.worst.map(({ slice }) => slice));
    again!.worst.forEach(({ eValue }, i) => expect(eValue / once!.worst[i]!.eValue).toBeCloseTo(1, 9));
    expect(restored.n).toEqual(added(pairs).n);
  });

  it('count wrong answers for accuracy, where a loss has the other sign', () => {
    const found = readSlices(rule, accuracy, added(pairsOf(8_000, 1, 0.2), accuracy));
    expect(found.worst[0]).toMatchObject({ slice: 'carrier = 8', harmed: true });
    expect(found.worst[0]!.difference.value).toBeLessThan(0);
    expect(found.worst[0]!.difference.limit).toBe(-0.02);
  });

  it('bound the loss of a row, however sure a score is', () => {
    const sure: ScoredPair[] = Array.from({ length: 400 }, () => ({
      champion: 0,
      candidate: 1,
      label: 0,
      slices: [1, 1],
    }));
    const found = readSlices(rule, logLoss, added(sure));
    expect(found.worst[0]!.difference.value).toBeCloseTo(Math.log(999), 9);
    expect(found.worst[0]!.harmed).toBe(true);
  });

  it('leave out rows whose slices are not known, and codes that are no slice', () => {
    const pair = { champion: 0.5, candidate: 0.4, label: 1 as const };
    const sums = added([pair, { ...pair, slices: [9, 1] }]);
    expect(sums.n).toEqual([0, 0, 0, 0, 0, 1, 0, 0]);
  });
});

const bundle = (version: number): ModelBundle => ({
  name: 'late',
  version,
  digest: `sha256:${version}`,
  featureViewDigest: 'sha256:f',
});
const plan: RolloutPlan = {
  endpoint: 'late-flights',
  time: 'EventTime',
  steps: [
    { name: 'shadow', weightPercent: 0, shadow: true, bakeMs: 1, analyses: ['loss'] },
    { name: 'half', weightPercent: 50, shadow: false, bakeMs: 1, analyses: ['loss'] },
  ],
  analyses: [{ ...logLoss, margin: 0.05, minSamples: 100 }],
  slices: rule,
  deadlineMs: 1e9,
  onDeadline: 'Hold',
};
const begun = (): Change => {
  const actor = { id: 'alice', kind: 'Human' as const, roles: [] };
  const routing = promote(unserved('late-flights', 'flights'), bundle(1), { reason: 'first', actor });
  const request = { rolloutId: 'ro-1', pipeline: 'flights', cycleId: 'c1', idempotencyKey: 'k', policyGeneration: 1 };
  return start({ ...request, plan, candidate: bundle(2) }, routing, 0);
};
const batchOf = (rollout: RolloutState, pairs: readonly ScoredPair[]): ServedBatch => ({
  requestId: 'r1',
  eventTimeMs: 1_000,
  epoch: rollout.wants.epoch,
  candidateDigest: 'sha256:2',
  keys: pairs.map(() => ''),
  assignedToCandidate: [],
  servedByCandidate: pairs.map(() => false),
  championScores: pairs.map(({ champion }) => champion),
  candidateScores: pairs.map(({ candidate }, row) => (row % 10 === 9 ? null : candidate)),
  slices: Uint8Array.from(pairs.flatMap(({ slices }) => slices ?? [])),
  championLatencyMs: 0,
  candidateLatencyMs: 0,
  champion: { requests: 1, failed: 0 },
  candidate: { requests: 1, failed: 0 },
});

describe('a rollout with slices', () => {
  const keep = { rolloutId: 'ro-1', sequence: 0, unpairedToo: false, sliceFeatures: 2 };
  const joined = (rollout: RolloutState, pairs: readonly ScoredPair[]) => {
    const pending = pendingFrom(batchOf(rollout, pairs), keep)!;
    return joinLabels(pending, { requestId: 'r1', rowIndexes: [], labels: pairs.map(({ label }) => label) });
  };

  it('tells the gateways by what rows are told apart while it runs, and no longer', () => {
    const { rollout, routing, facts } = begun();
    expect(routing.slices).toEqual(rule.features);
    expect(facts).toContainEqual(expect.objectContaining({ kind: 'RoutingChanged', routing }));
    const ending = { cause: 'enough', actor: routing.actor, nowMs: 0, tookMs: 0 };
    for (const end of [finishPromoted, finishRolledBack])
      expect(end(rollout, routing, ending).routing).not.toHaveProperty('slices');
  });

  it('joins each label to the slices of its row, and counts a repeated one once', () => {
    const { rollout } = begun();
    const pairs = pairsOf(50, 5);
    const first = joined(rollout, pairs);
    expect(first.pairs).toEqual(pairs.filter((_, row) => row % 10 !== 9));
    const again = joinLabels(JSON.parse(JSON.stringify(first.pending)) as typeof first.pending, {
      requestId: 'r1',
      rowIndexes: [],
      labels: pairs.map(({ label }) => 1 - label),
    });
    expect(again.pairs).toEqual([]);
  });

  it('does without slices where a gateway tells none, or those of another policy', () => {
    const { rollout } = begun();
    const { slices: _slices, ...untold } = batchOf(rollout, pairsOf(4, 5));
    expect(pendingFrom(untold, keep)).not.toHaveProperty('slices');
    expect(pendingFrom({ ...untold, slices: new Uint8Array(4) }, keep)).not.toHaveProperty('slices');
  });

  it('rolls back at once for harm in one slice, and says in which', () => {
    const { rollout, routing } = begun();
    const pairs = pairsOf(12_000, 1, 0.2);
    const seen = observePairs(observeBatch(rollout, batchOf(rollout, pairs)), pairs, noLabels, {
      servedMs: 1_000,
      nowMs: 1_000,
    });
    const withoutSlices = reconcile({ ...seen, plan: { ...plan, slices: undefined } as RolloutPlan }, routing, {
      nowMs: 2_000,
      tookMs: 0,
    });
    expect(withoutSlices.rollout.phase).toBe('Running');
    const change = reconcile(seen, routing, { nowMs: 2_000, tookMs: 0 });
    expect(change.rollout.phase).toBe('RolledBack');
    expect(change.rollout.cause).toMatch(
      /^loss: the challenger is worse in the slice carrier = 8: logLoss \+0\.\d+ \[0\.\d+, 0\.\d+\] against the champion, tolerated loss 0\.05, n=\d,\d+ labels, e-value \S+, e-BH over 8 slices/,
    );
    expect(change.routing.slices).toBeUndefined();
  });

  it('passes no step sooner because no slice is harmed', () => {
    const { rollout, routing } = begun();
    const few = pairsOf(90, 5);
    const seen = observePairs(observeBatch(rollout, batchOf(rollout, few)), few, noLabels, { servedMs: 0, nowMs: 0 });
    expect(reconcile(seen, routing, { nowMs: 2_000, tookMs: 0 }).rollout).toMatchObject({ stepIndex: 0 });
  });

  it('takes in no request of an earlier rollout of the same candidate', () => {
    const { rollout } = begun();
    const late = { ...batchOf(rollout, pairsOf(4, 5)), epoch: rollout.wants.epoch - 1 };
    expect(observeBatch(rollout, late)).toBe(rollout);
  });
});
