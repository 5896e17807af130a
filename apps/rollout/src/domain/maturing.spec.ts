import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { addOutcomes, addServed, emptyMaturing, maturesAtMs, readMaturing, type MaturingEvidence } from './maturing.js';
import { addBatch, addPairs, emptyEvidence } from './evidence.js';
import { noLabels, type ScoredPair, type ServedBatch } from './observations.js';
import { reconcile } from './override.js';
import { waitingFor } from './plan.js';
import { observeBatch, observePairs } from './observing.js';
import { start } from './rollout.js';
import type { Change } from './rollout-state.js';
import type { AnalysisRule } from './rollout-plan.js';
import { promote, unserved, type Actor } from './routing.js';

const HOUR = 3_600_000;
const ROWS = 100;
const alice: Actor = { id: 'alice', kind: 'Human', roles: ['operator'] };
const bundle = (version: number) => ({
  name: 'm',
  version,
  digest: `sha256:${version}`,
  featureViewDigest: 'sha256:f',
});

const rule = (changes: Partial<AnalysisRule> = {}): AnalysisRule => ({
  name: 'accuracy',
  metric: 'accuracy',
  alpha: 0.05,
  margin: 0.02,
  minSamples: 500,
  ...changes,
});
const patient = rule({ labelMaturity: { ageMs: 120 * HOUR, share: 0.97 } });

const request = (hour: number, epoch = 1): ServedBatch => ({
  requestId: `r${hour}`,
  eventTimeMs: hour * HOUR,
  epoch,
  candidateDigest: bundle(2).digest,
  keys: [],
  assignedToCandidate: [],
  servedByCandidate: Array<boolean>(ROWS).fill(false),
  championScores: Array<number>(ROWS).fill(0.9),
  candidateScores: Array<number>(ROWS).fill(0.9),
  championLatencyMs: 0,
  candidateLatencyMs: 0,
  champion: { requests: 1, failed: 0 },
  candidate: { requests: 1, failed: 0 },
});

const LOSS: ScoredPair = { champion: 0.9, candidate: 0.1, label: 1 };
const WIN: ScoredPair = { champion: 0.1, candidate: 0.9, label: 1 };
const TIE: ScoredPair = { champion: 0.9, candidate: 0.9, label: 1 };

/** A hundred rows an hour; that the candidate alone is wrong is noticed after 60 hours on average, anything else within two. */
function rolledOut(analysis: AnalysisRule, lossShare: number, hours = 200) {
  const random = seededRandom(3);
  const due = new Map<number, { servedHour: number; pair: ScoredPair }[]>();
  const routing = promote(unserved('e', 'p'), bundle(1), { reason: 'first', actor: alice });
  const steps = [{ name: 'shadow', weightPercent: 0, shadow: true, bakeMs: 2 * HOUR, analyses: ['accuracy'] }];
  let change: Change = start(
    {
      rolloutId: 'ro',
      pipeline: 'p',
      cycleId: 'c',
      idempotencyKey: 'k',
      policyGeneration: 1,
      plan: {
        endpoint: 'e',
        time: 'EventTime',
        steps,
        analyses: [analysis],
        deadlineMs: 1000 * HOUR,
        onDeadline: 'Hold',
      },
      candidate: bundle(2),
    },
    routing,
    0,
  );
  const waits: string[] = [];
  for (let hour = 0; hour < hours && change.rollout.phase === 'Running'; hour++) {
    for (let row = 0; row < ROWS; row++) {
      const draw = random.next();
      const pair = draw < lossShare ? LOSS : draw < lossShare + 0.015 ? WIN : TIE;
      const delay = Math.ceil(-Math.log(1 - random.next()) * (pair === LOSS ? 60 : 0.5));
      const at = hour + delay;
      due.set(at, [...(due.get(at) ?? []), { servedHour: hour, pair }]);
    }
    let { rollout } = change;
    rollout = observeBatch(rollout, request(hour, change.routing.epoch));
    for (const { servedHour, pair } of due.get(hour) ?? [])
      rollout = observePairs(rollout, [pair], { ...noLabels, joined: 1 }, { servedMs: servedHour * HOUR, nowMs: 0 });
    change = reconcile(rollout, change.routing, { nowMs: 0, tookMs: 0 });
    waits.push(waitingFor(change.rollout, 0));
  }
  return { phase: change.rollout.phase, hours: waits.length, waits };
}

describe('a candidate whose errors are noticed late', () => {
  it('is promoted on early labels, and held, then rolled back, where labels must be mature', () => {
    const hasty = rolledOut(rule(), 0.065);
    expect(hasty.phase).toBe('Promoted');
    expect(hasty.hours).toBeLessThan(24);
    const held = rolledOut(patient, 0.065);
    expect(held.phase).toBe('RolledBack');
    expect(held.hours).toBeGreaterThan(hasty.hours);
    expect(held.waits[10]).toContain(
      'accuracy: waits for late labels: no request is 5d old yet, the first is in 115h;',
    );
  });

  it('is promoted once requests are old enough when it is no worse', () => {
    const good = rolledOut(patient, 0.015);
    expect(good.phase).toBe('Promoted');
    expect(good.hours).toBeGreaterThan(120);
    expect(good.hours).toBeLessThan(160);
  });
});

/** Requests of one hour each; of each, so many outcomes come after a delay. */
function evidenceOf(asked: AnalysisRule, outcomes: readonly { hours: number; rows: number }[], served = 40) {
  let maturing: MaturingEvidence = emptyMaturing(asked);
  let all = emptyEvidence(asked);
  for (let hour = 0; hour < served; hour++) {
    maturing = addServed(asked, maturing, request(hour));
    all = addBatch(asked, all, request(hour));
  }
  for (let hour = 0; hour < served; hour++)
    for (const { hours, rows } of outcomes) {
      const pairs = Array<ScoredPair>(rows).fill(TIE);
      const at = { servedMs: hour * HOUR, nowMs: (hour + hours) * HOUR };
      maturing = addOutcomes(asked, maturing, pairs, at);
      all = addPairs(asked, all, pairs);
    }
  return { maturing, all };
}
const soon = rule({ labelMaturity: { ageMs: 24 * HOUR, share: 0.9 } });
const readAt = (outcomes: readonly { hours: number; rows: number }[], hour: number) => {
  const { all, maturing } = evidenceOf(soon, outcomes);
  return readMaturing(soon, all, maturing, { looks: 1, nowMs: hour * HOUR });
};

describe('labels of a certain age', () => {
  it('hold an analysis with the share that has come, its interval and its n', () => {
    const reading = readAt([{ hours: 2, rows: 80 }], 64);
    expect(reading).toMatchObject({ verdict: 'Inconclusive', moreNeeded: null, samples: 3200, arrived: 3200 });
    expect(reading.explanation).toMatch(
      /^waits for late labels: 80 % \[78\.\d, 81\.\d\] of the outcomes come within 1d, 90 % must, n=4,000; so far /,
    );
  });

  it('count only requests that are old enough, late outcomes included', () => {
    const outcomes = [
      { hours: 2, rows: 95 },
      { hours: 30, rows: 5 },
    ];
    const reading = readAt(outcomes, 44);
    expect(reading).toMatchObject({ verdict: 'Pass', samples: 20 * ROWS, arrived: 40 * ROWS, alpha: 0.025 });
    expect(readAt(outcomes, 54).samples).toBe(30 * ROWS);
    expect(readAt([{ hours: 30, rows: 100 }], 64).verdict).toBe('Inconclusive');
  });

  it('show harm at any age', () => {
    const { all, maturing } = evidenceOf(soon, []);
    const bad = Array<ScoredPair>(600).fill(LOSS);
    const reading = readMaturing(soon, addPairs(soon, all, bad), maturing, { looks: 1, nowMs: HOUR });
    expect(reading.verdict).toBe('Fail');
  });

  it('are kept for no more stretches than the age has', () => {
    const { maturing } = evidenceOf(soon, [{ hours: 2, rows: 100 }], 400);
    expect(maturing.young.length).toBeLessThanOrEqual(26);
    expect(maturesAtMs(soon, maturing)).toBeGreaterThan(399 * HOUR);
    expect(maturesAtMs(soon, emptyMaturing(soon))).toBeUndefined();
  });

  it('work for log loss as well', () => {
    const asked = rule({ metric: 'logLoss', labelMaturity: { ageMs: 24 * HOUR, share: 0.9 } });
    const { all, maturing } = evidenceOf(asked, [{ hours: 2, rows: 95 }]);
    expect(readMaturing(asked, all, maturing, { looks: 1, nowMs: 64 * HOUR })).toMatchObject({
      verdict: 'Pass',
      samples: 3800,
    });
  });
});
