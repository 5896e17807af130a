import { describe, expect, it } from '@jest/globals';
import { joinFeedback, joinLabels, noLabels, pendingFrom, type ScoredPair, type ServedBatch } from './observations.js';
import { applyOverride, checkOverride, etagOf, reconcile, type Override, type OverrideContext } from './override.js';
import { plan, waitingFor } from './plan.js';
import { observeBatch, observePairs } from './observing.js';
import { start } from './rollout.js';
import type { Change, RolloutState } from './rollout-state.js';
import type { AnalysisRule, RolloutPlan } from './rollout-plan.js';
import { promote, restorePrevious, unserved, type Actor, type ModelBundle, type RoutingState } from './routing.js';

const HOUR = 3_600_000;
/** Outcomes that wait for nothing. */
const AT_ONCE = { servedMs: 0, nowMs: 0 };
const alice: Actor = { id: 'alice', kind: 'Human', roles: ['operator'] };
const bundle = (version: number): ModelBundle => ({
  name: 'late',
  version,
  digest: `sha256:${version}`,
  featureViewDigest: `sha256:f${version}`,
});
const accuracy: AnalysisRule = {
  name: 'accuracy',
  metric: 'accuracy',
  alpha: 0.05,
  margin: 0.02,
  minSamples: 1000,
};

const planOf = (changes: Partial<RolloutPlan> = {}): RolloutPlan => ({
  endpoint: 'late-flights',
  time: 'EventTime',
  steps: [
    {
      name: 'shadow',
      weightPercent: 0,
      shadow: true,
      bakeMs: 2 * HOUR,
      analyses: ['accuracy'],
    },
    {
      name: 'half',
      weightPercent: 50,
      shadow: false,
      bakeMs: 3 * HOUR,
      analyses: ['accuracy'],
    },
  ],
  analyses: [accuracy],
  deadlineMs: 100 * HOUR,
  onDeadline: 'Hold',
  ...changes,
});

const served = (): RoutingState =>
  promote(unserved('late-flights', 'flights'), bundle(1), {
    reason: 'first',
    actor: alice,
  });

const begin = (routing = served(), plan = planOf()): Change =>
  start(
    {
      rolloutId: 'ro-1',
      pipeline: 'flights',
      cycleId: 'c1',
      idempotencyKey: 'k',
      policyGeneration: 1,
      plan,
      candidate: bundle(2),
    },
    routing,
    0,
  );

const traffic = (rollout: RolloutState, hour: number, changes: Partial<ServedBatch> = {}): RolloutState =>
  observeBatch(rollout, {
    requestId: `r${hour}`,
    eventTimeMs: hour * HOUR,
    epoch: rollout.wants.epoch,
    candidateDigest: 'sha256:2',
    keys: ['', ''],
    assignedToCandidate: [rollout.wants.weightPercent > 0, false],
    servedByCandidate: [rollout.wants.weightPercent > 0, false],
    championScores: [0.9, 0.9],
    candidateScores: [0.9, 0.9],
    championLatencyMs: 1,
    candidateLatencyMs: 1,
    champion: { requests: 1, failed: 0 },
    candidate: { requests: 1, failed: 0 },
    ...changes,
  });

const pairs = (n: number, candidate = 0.9): ScoredPair[] =>
  Array.from({ length: n }, () => ({
    champion: 0.9,
    candidate,
    label: 1 as const,
  }));
const labelled = (rollout: RolloutState, n: number, candidate = 0.9): RolloutState =>
  observePairs(rollout, pairs(n, candidate), { ...noLabels, joined: n }, AT_ONCE);

const context = (rollout: RolloutState, changes: Partial<OverrideContext> = {}): OverrideContext => ({
  actor: alice,
  reason: 'because I say so',
  etag: etagOf(rollout),
  force: false,
  nowMs: 0,
  tookMs: 0,
  ...changes,
});
const time = { nowMs: 0, tookMs: 0 };
const kinds = (change: Change): string[] => change.facts.map((fact) => fact.kind);

describe('a rollout', () => {
  it('promotes at once when there is no champion to compare with, and says why', () => {
    const change = begin(unserved('late-flights', 'flights'));
    expect(kinds(change)).toEqual(['RolloutStarted', 'RoutingChanged', 'Finished']);
    expect(change.routing).toMatchObject({
      epoch: 1,
      champion: bundle(2),
      weightPercent: 0,
    });
    expect(change.rollout).toMatchObject({
      phase: 'Promoted',
      cause: expect.stringContaining('no champion to compare with'),
    });
  });

  it('walks through its steps on passing evidence and promotes the whole bundle', () => {
    const started = begin();
    expect(started.routing).toMatchObject({
      epoch: 2,
      candidate: bundle(2),
      weightPercent: 0,
      shadow: true,
    });
    let rollout = labelled(traffic(traffic(started.rollout, 0), 2), 1200);
    const second = reconcile(rollout, started.routing, time);
    expect(kinds(second)).toEqual(['AnalysisMeasured', 'StepEntered', 'RoutingChanged']);
    expect(second.routing).toMatchObject({
      epoch: 3,
      weightPercent: 50,
      shadow: false,
      champion: bundle(1),
    });
    rollout = labelled(traffic(traffic(second.rollout, 3), 5), 200);
    const end = reconcile(rollout, second.routing, time);
    expect(end.rollout.phase).toBe('Promoted');
    expect(end.routing).toMatchObject({
      epoch: 4,
      champion: bundle(2),
      previousChampion: bundle(1),
      weightPercent: 0,
    });
    expect(end.routing.candidate).toBeUndefined();
  });

  it('holds with numbers while labels are missing', () => {
    const rollout = labelled(traffic(traffic(begin().rollout, 0), 9), 160);
    const looked = reconcile(rollout, served(), time);
    expect(looked.facts.filter((fact) => fact.kind !== 'AnalysisMeasured')).toEqual([]);
    expect(waitingFor(looked.rollout, 0)).toBe(
      'accuracy: needs 840 more labels (n=160 of 1,000); at the pace of this step in about 2d',
    );
  });

  it('counts as a look only what brings something new', () => {
    const once = reconcile(labelled(traffic(begin().rollout, 0), 160), served(), time);
    const again = reconcile(observePairs(once.rollout, [], { ...noLabels, unknown: 3 }, AT_ONCE), served(), time);
    expect(again.rollout.latest).toEqual(once.rollout.latest);
    const more = reconcile(labelled(again.rollout, 1), served(), time);
    expect(more.rollout.latest[0]?.looks).toBe(once.rollout.latest[0]!.looks + 1);
  });

  it('does not let old evidence raise the weight when traffic stops in a later step', () => {
    const second = reconcile(labelled(traffic(traffic(begin().rollout, 0), 2), 5000), begin().routing, time);
    const silent = traffic(second.rollout, 9);
    expect(plan(silent, 0)).toEqual({
      kind: 'Hold',
      waitingFor: 'accuracy needs 100 more labels of step half (n=0 of 100)',
    });
  });

  it('waits until the gateways serve what was asked', () => {
    const started = begin();
    const stale = labelled(traffic(traffic(started.rollout, 0, { epoch: 1 }), 9, { epoch: 1 }), 2000);
    const looked = reconcile(stale, started.routing, time);
    expect(looked.rollout.stepIndex).toBe(0);
    expect(waitingFor(looked.rollout, 0)).toContain('traffic under routing epoch 2 (newest seen 0)');
  });

  it('rolls back at once when harm is shown, even while paused', () => {
    const started = begin();
    const paused = applyOverride(started.rollout, started.routing, { verb: 'Pause' }, context(started.rollout));
    const harmed = labelled(traffic(paused.rollout, 0), 60, 0.1);
    const end = reconcile(harmed, paused.routing, { nowMs: 5, tookMs: 3 });
    expect(end.rollout).toMatchObject({
      phase: 'RolledBack',
      cause: expect.stringContaining('accuracy: the challenger is worse'),
    });
    expect(end.routing).toMatchObject({
      weightPercent: 0,
      shadow: false,
      champion: bundle(1),
    });
    expect(end.facts.at(-1)).toMatchObject({
      kind: 'Finished',
      result: 'RolledBack',
      tookMs: 3,
      evidence: [{ verdict: 'Fail' }],
    });
  });

  it('never advances while paused', () => {
    const started = begin();
    const paused = applyOverride(started.rollout, started.routing, { verb: 'Pause' }, context(started.rollout));
    const passing = labelled(traffic(traffic(paused.rollout, 0), 9), 5000);
    expect(reconcile(passing, paused.routing, time).rollout.stepIndex).toBe(0);
  });

  it('ends as the policy says at the deadline, and never by promoting', () => {
    const late = (onDeadline: 'Hold' | 'RollBack'): Change => {
      const started = begin(served(), planOf({ onDeadline, deadlineMs: 10 * HOUR }));
      return reconcile(traffic(traffic(started.rollout, 0), 11), started.routing, time);
    };
    expect(late('RollBack').rollout).toMatchObject({
      phase: 'RolledBack',
      cause: 'the deadline of 10h has passed without enough evidence',
    });
    expect(late('Hold').rollout.phase).toBe('Running');
    expect(waitingFor(late('Hold').rollout, 0)).toContain('the deadline of 10h has passed');
  });

  it('shares the chance of a false alarm among the analyses that steps name', () => {
    const unnamed = { ...accuracy, name: 'unnamed' };
    const alone = begin(served(), planOf({ analyses: [accuracy, unnamed] }));
    const [first, second] = planOf().steps;
    const steps = [{ ...first!, analyses: ['accuracy', 'again'] }, second!];
    const both = begin(served(), planOf({ steps, analyses: [accuracy, unnamed, { ...accuracy, name: 'again' }] }));
    const looked = (started: Change, lost: number): RolloutState => {
      const labels = labelled(labelled(traffic(started.rollout, 0), lost, 0.1), 100);
      return reconcile(labels, started.routing, time).rollout;
    };
    // Eight rows lost and none won: an e-value of 35, between 1 / 0.05 and 2 / 0.05.
    expect(looked(alone, 8)).toMatchObject({ phase: 'RolledBack', latest: [{ alpha: 0.05, verdict: 'Fail' }] });
    expect(looked(both, 8)).toMatchObject({ phase: 'Running', latest: [{ alpha: 0.025 }, { alpha: 0.025 }] });
    expect(looked(both, 20).phase).toBe('RolledBack');
  });

  it('holds when the observed split contradicts the share asked for', () => {
    const second = reconcile(labelled(traffic(traffic(begin().rollout, 0), 2), 5000), begin().routing, time);
    const rows = 4000;
    const skewed = traffic(second.rollout, 9, {
      keys: Array.from({ length: rows }, () => ''),
      assignedToCandidate: Array.from({ length: rows }, (_, i) => i % 10 === 0),
      servedByCandidate: Array.from({ length: rows }, () => false),
      championScores: Array.from({ length: rows }, () => 0.9),
      candidateScores: Array.from({ length: rows }, () => 0.9),
    });
    const looked = reconcile(labelled(skewed, 500), second.routing, time);
    expect(looked.rollout.phase).toBe('Running');
    expect(waitingFor(looked.rollout, 0)).toContain(
      'sample-ratio mismatch: the candidate was given 10.0 % of 4000 keys, 50 % was asked for',
    );
  });

  it('follows the wall clock where the policy says so', () => {
    const started = begin(served(), planOf({ time: 'WallClock' }));
    const rollout = labelled(traffic(started.rollout, 0), 2000);
    expect(reconcile(rollout, started.routing, { nowMs: HOUR, tookMs: 0 }).rollout.stepIndex).toBe(0);
    expect(reconcile(rollout, started.routing, { nowMs: 2 * HOUR, tookMs: 0 }).rollout.stepIndex).toBe(1);
  });

  it('ignores traffic of another candidate', () => {
    const started = begin();
    expect(traffic(started.rollout, 5, { candidateDigest: 'sha256:9' })).toBe(started.rollout);
  });
});

describe('a person', () => {
  const refused = (
    rollout: RolloutState,
    override: Override,
    changes: Partial<OverrideContext>,
  ): string | undefined => {
    try {
      checkOverride(rollout, override, context(rollout, changes));
      return undefined;
    } catch (error) {
      return (error as { detail: { reason: string } }).detail.reason;
    }
  };

  it('needs the present etag, except to roll back or with force', () => {
    const { rollout } = begin();
    expect(refused(rollout, { verb: 'Promote' }, { etag: 'r0' })).toBe('ETAG_MISMATCH');
    expect(refused(rollout, { verb: 'Promote' }, { etag: '' })).toBe('ETAG_REQUIRED');
    expect(refused(rollout, { verb: 'Promote' }, { etag: 'r0', force: true })).toBeUndefined();
    expect(refused(rollout, { verb: 'RollBack' }, { etag: '' })).toBeUndefined();
    expect(refused(rollout, { verb: 'RollBack' }, { etag: 'r0' })).toBe('ETAG_MISMATCH');
  });

  it('is refused after the end', () => {
    const started = begin();
    const ended = applyOverride(started.rollout, started.routing, { verb: 'RollBack' }, context(started.rollout));
    expect(refused(ended.rollout, { verb: 'Promote' }, { force: true })).toBe('ROLLOUT_FINISHED');
  });

  it('may set a weight, which pauses, and resume, which restores the weight of the step', () => {
    const started = begin();
    const weighted = applyOverride(
      started.rollout,
      started.routing,
      { verb: 'SetWeight', weightPercent: 30 },
      context(started.rollout),
    );
    expect(weighted.routing).toMatchObject({
      epoch: 3,
      weightPercent: 30,
      shadow: false,
    });
    expect(weighted.rollout.paused).toBeDefined();
    const resumed = applyOverride(weighted.rollout, weighted.routing, { verb: 'Resume' }, context(weighted.rollout));
    expect(resumed.routing).toMatchObject({
      epoch: 4,
      weightPercent: 0,
      shadow: true,
    });
    expect(resumed.rollout.paused).toBeUndefined();
  });

  it('may advance step by step up to the promotion', () => {
    const started = begin();
    const second = applyOverride(started.rollout, started.routing, { verb: 'Advance' }, context(started.rollout));
    expect(second.routing.weightPercent).toBe(50);
    const end = applyOverride(second.rollout, second.routing, { verb: 'Advance' }, context(second.rollout));
    expect(end.rollout.phase).toBe('Promoted');
    expect(end.facts.at(-1)).toMatchObject({
      kind: 'Finished',
      actor: alice,
      cause: 'alice: because I say so',
    });
  });

  it('may restore the previous champion as one set, but not under a running rollout', () => {
    const promoted = promote(served(), bundle(2), {
      reason: 'won',
      actor: alice,
    });
    const restored = restorePrevious(promoted, {
      reason: 'worse after all',
      actor: alice,
    });
    expect(restored).toMatchObject({
      epoch: 3,
      champion: bundle(1),
      previousChampion: bundle(2),
    });
    expect(() => restorePrevious(begin(promoted).routing, { reason: 'x', actor: alice })).toThrow('roll it back first');
    expect(() => restorePrevious(served(), { reason: 'x', actor: alice })).toThrow('no previous champion');
  });
});

describe('labels', () => {
  const pending = pendingFrom(
    {
      requestId: 'r',
      eventTimeMs: 0,
      epoch: 1,
      keys: ['a', 'b', 'c'],
      assignedToCandidate: [true, false, false],
      servedByCandidate: [true, false, false],
      championScores: [0.1, 0.2, 0.3],
      candidateScores: [0.4, null, 0.6],
      championLatencyMs: 0,
      candidateLatencyMs: 0,
      champion: { requests: 1, failed: 0 },
      candidate: { requests: 1, failed: 0 },
    },
    { rolloutId: 'ro', sequence: 0, unpairedToo: true, sliceFeatures: 0 },
  )!;

  it('join by row, count each row once and keep the first of contradictory outcomes', () => {
    const first = joinLabels(pending, {
      requestId: 'r',
      rowIndexes: [2, 1, 7],
      labels: [1, 0, 1],
    });
    expect(first.counts).toEqual({
      joined: 1,
      unpaired: 1,
      duplicate: 0,
      contradictory: 0,
      unknown: 1,
    });
    expect(first.pairs).toEqual([{ champion: 0.3, candidate: 0.6, label: 1 }]);
    const second = joinLabels(first.pending, {
      requestId: 'r',
      rowIndexes: [2, 2, 0],
      labels: [1, 0, 0],
    });
    expect(second.counts).toEqual({
      joined: 1,
      unpaired: 0,
      duplicate: 1,
      contradictory: 1,
      unknown: 0,
    });
  });

  it('refuse outcomes that are neither 0 nor 1', () => {
    expect(
      joinLabels(pending, {
        requestId: 'r',
        rowIndexes: [],
        labels: [2, 0, 255],
      }).counts,
    ).toMatchObject({ joined: 0, unknown: 2 });
  });

  it('leave feedback to the arm that answered, once per row and name', () => {
    const first = joinFeedback(pending, {
      requestId: 'r',
      rowIndex: 0,
      name: 'accepted',
      value: 1,
    })!;
    expect(first.arm).toBe('candidate');
    expect(
      joinFeedback(first.pending, {
        requestId: 'r',
        rowIndex: 0,
        name: 'accepted',
        value: 1,
      }),
    ).toBeUndefined();
    expect(
      joinFeedback(pending, {
        requestId: 'r',
        rowIndex: 1,
        name: 'accepted',
        value: 1,
      })!.arm,
    ).toBe('champion');
    expect(
      joinFeedback(pending, {
        requestId: 'r',
        rowIndex: 3,
        name: 'accepted',
        value: 1,
      }),
    ).toBeUndefined();
  });
});
