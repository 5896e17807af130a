import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@rondo/kernel';
import { addBatch, addFeedback, addPairs, emptyEvidence, readEvidence, type EvidenceState } from './evidence.js';
import type { ScoredPair, ServedBatch } from './observations.js';
import type { Reading } from './reading.js';
import type { AnalysisRule } from './rollout-plan.js';

const rule = (metric: AnalysisRule['metric'], changes: Partial<AnalysisRule> = {}): AnalysisRule => ({
  name: metric,
  metric,
  alpha: 0.05,
  margin: 0.01,
  minSamples: 500,
  ...changes,
});

const batch = (changes: Partial<ServedBatch> = {}): ServedBatch => ({
  requestId: 'r',
  eventTimeMs: 0,
  epoch: 1,
  candidateDigest: 'sha256:b',
  keys: ['k'],
  assignedToCandidate: [true],
  servedByCandidate: [true],
  championScores: [0.5],
  candidateScores: [0.5],
  championLatencyMs: 1,
  candidateLatencyMs: 1,
  champion: { requests: 1, failed: 0 },
  candidate: { requests: 1, failed: 0 },
  ...changes,
});

/** Rows whose true chance is known; `distortion` moves the candidate's score away from it. */
function pairsOf(n: number, distortion: number, seed: number): ScoredPair[] {
  const random = seededRandom(seed);
  return Array.from({ length: n }, () => {
    const chance = 0.1 + 0.8 * random.next();
    const label = random.next() < chance ? 1 : 0;
    const candidate = Math.min(0.99, Math.max(0.01, chance + distortion * (random.next() - 0.5)));
    return { champion: chance, candidate, label };
  });
}

describe('paired log loss', () => {
  it('says how many labels are missing before the minimum', () => {
    const logLoss = rule('logLoss', { minSamples: 2000 });
    const state = addPairs(logLoss, emptyEvidence(logLoss), pairsOf(160, 0, 1));
    expect(readEvidence(logLoss, state, 1)).toMatchObject({
      verdict: 'Inconclusive',
      samples: 160,
      explanation: 'needs 1,840 more labels (n=160 of 2,000)',
    });
  });

  it('fails a candidate whose probabilities are noise', () => {
    const logLoss = rule('logLoss');
    const state = addPairs(logLoss, emptyEvidence(logLoss), pairsOf(3000, 0.9, 2));
    const reading = readEvidence(logLoss, state, 1);
    expect(reading.verdict).toBe('Fail');
    expect(reading.difference!.lower!).toBeGreaterThan(0);
    expect(reading.eValue).toBeGreaterThan(1 / 0.05);
  });

  it('passes a candidate that gives the same scores', () => {
    const logLoss = rule('logLoss');
    const state = addPairs(logLoss, emptyEvidence(logLoss), pairsOf(600, 0, 3));
    expect(readEvidence(logLoss, state, 1).verdict).toBe('Pass');
  });

  it('holds a small harmless difference until the interval is inside the margin', () => {
    const logLoss = rule('logLoss', { margin: 0.0005 });
    const state = addPairs(logLoss, emptyEvidence(logLoss), pairsOf(600, 0.1, 4));
    expect(readEvidence(logLoss, state, 1)).toMatchObject({
      verdict: 'Inconclusive',
      explanation: expect.stringContaining('tolerated loss 0.0005'),
    });
  });

  it('keeps a sure mistake finite', () => {
    const logLoss = rule('logLoss', { minSamples: 1 });
    const state = addPairs(logLoss, emptyEvidence(logLoss), [
      { champion: 0, candidate: 1, label: 0 },
      { champion: 1, candidate: 0, label: 1 },
    ]);
    expect(JSON.parse(JSON.stringify(readEvidence(logLoss, state, 1)))).toEqual(readEvidence(logLoss, state, 1));
  });
});

describe('paired accuracy', () => {
  const pair = (championRight: boolean, candidateRight: boolean): ScoredPair => ({
    champion: championRight ? 0.9 : 0.1,
    candidate: candidateRight ? 0.9 : 0.1,
    label: 1,
  });

  it('fails on one-sided discordant rows even before the minimum', () => {
    const accuracy = rule('accuracy', { minSamples: 2000 });
    const pairs = [
      ...Array.from({ length: 30 }, () => pair(true, false)),
      ...Array.from({ length: 5 }, () => pair(false, true)),
    ];
    const reading = readEvidence(accuracy, addPairs(accuracy, emptyEvidence(accuracy), pairs), 1);
    expect(reading.verdict).toBe('Fail');
    expect(reading.difference!.value).toBeCloseTo(-25 / 35);
  });

  it('passes models that never disagree once the exact bound is inside the margin', () => {
    const accuracy = rule('accuracy', { minSamples: 100, margin: 0.01 });
    const few = addPairs(
      accuracy,
      emptyEvidence(accuracy),
      Array.from({ length: 200 }, () => pair(true, true)),
    );
    expect(readEvidence(accuracy, few, 1).verdict).toBe('Inconclusive');
    const many = addPairs(
      accuracy,
      few,
      Array.from({ length: 1800 }, () => pair(true, true)),
    );
    expect(readEvidence(accuracy, many, 1).verdict).toBe('Pass');
  });
});

describe('errors and latency', () => {
  it('passes two arms without failures and fails an arm that fails alone', () => {
    const errors = rule('errorRate', { minSamples: 1000 });
    const requests = (candidateFailed: number): ServedBatch =>
      batch({
        champion: { requests: 1500, failed: 0 },
        candidate: { requests: 1500, failed: candidateFailed },
      });
    const quiet = addBatch(errors, emptyEvidence(errors), requests(0));
    expect(readEvidence(errors, quiet, 1).verdict).toBe('Pass');
    expect(readEvidence(errors, addBatch(errors, quiet, requests(1500)), 2).verdict).toBe('Fail');
  });

  it('counts a request once, however many rows fail with it', () => {
    const errors = rule('errorRate');
    const after = (rows: number): Reading => {
      const quiet = { champion: { requests: 200, failed: 0 }, candidate: { requests: 200, failed: 0 } };
      const one = batch({
        championScores: Array.from({ length: rows }, () => 0.5),
        candidateScores: Array.from({ length: rows }, () => null),
        champion: { requests: 1, failed: 0 },
        candidate: { requests: 1, failed: 1 },
      });
      return readEvidence(errors, addBatch(errors, addBatch(errors, emptyEvidence(errors), batch(quiet)), one), 1);
    };
    expect(after(64).verdict).toBe('Inconclusive');
    expect(after(64)).toEqual(after(1));
  });

  it('holds a candidate to no request it was not asked', () => {
    const errors = rule('errorRate', { minSamples: 20 });
    const asked = addBatch(
      errors,
      emptyEvidence(errors),
      batch({ champion: { requests: 100, failed: 0 }, candidate: { requests: 20, failed: 1 } }),
    );
    const rested = addBatch(
      errors,
      asked,
      batch({ champion: { requests: 5_000, failed: 2 }, candidate: { requests: 0, failed: 0 } }),
    );
    const reading = readEvidence(errors, rested, 1);
    expect(reading).toMatchObject({
      verdict: 'Inconclusive',
      samples: 20,
      eValue: readEvidence(errors, asked, 1).eValue,
    });
  });

  const latencies = (rule: AnalysisRule, candidateMs: (i: number) => number, n: number): EvidenceState => {
    let state = emptyEvidence(rule);
    for (let i = 0; i < n; i++)
      state = addBatch(
        rule,
        state,
        batch({
          championLatencyMs: 1 + (i % 10) / 100,
          candidateLatencyMs: candidateMs(i),
        }),
      );
    return state;
  };

  it('passes a candidate that is slower within the margin and fails one that is slower beyond it', () => {
    const latency = rule('latencyMs', { minSamples: 50, margin: 0.5 });
    expect(
      readEvidence(
        latency,
        latencies(latency, (i) => 1.3 + (i % 10) / 100, 100),
        1,
      ).verdict,
    ).toBe('Pass');
    expect(
      readEvidence(
        latency,
        latencies(latency, () => 2, 100),
        1,
      ).verdict,
    ).toBe('Fail');
  });

  it('states how often each model was slow with bounds, once there are blocks enough', () => {
    const latency = rule('latencyMs', { minSamples: 50, margin: 0.5 });
    const [few, many] = [12, 200].map((n) =>
      readEvidence(
        latency,
        latencies(latency, () => 2, n),
        1,
      ),
    );
    expect(few!.candidate).not.toHaveProperty('lower');
    const { champion, candidate } = many!;
    expect(candidate).toMatchObject({ name: 'slowRequestShare', value: 1, upper: 1, n: 195 });
    expect(candidate!.lower).toBeGreaterThan(0.9);
    expect(champion).toMatchObject({ value: 0, lower: 0 });
    expect(champion!.upper).toBeLessThan(0.1);
    const older = { ...latencies(latency, () => 2, 200), slow: undefined } as unknown as EvidenceState;
    expect(readEvidence(latency, older, 1).candidate).not.toHaveProperty('lower');
  });

  it('holds either model to the same: exchanged, they are as much slower as they were faster', () => {
    const latency = rule('latencyMs', { margin: 0, minSamples: 50 });
    const random = seededRandom(7);
    let [calm, busy] = [emptyEvidence(latency), emptyEvidence(latency)];
    for (let i = 0; i < 400; i++) {
      const [one, other] = [1 + random.next() + Math.sin(i / 9), 1.4 + random.next() + Math.cos(i / 7)].map(Math.abs);
      calm = addBatch(latency, calm, batch({ championLatencyMs: one!, candidateLatencyMs: other! }));
      busy = addBatch(latency, busy, batch({ championLatencyMs: other!, candidateLatencyMs: one! }));
    }
    const [slower, faster] = [readEvidence(latency, calm, 1), readEvidence(latency, busy, 1)];
    expect(slower.difference!.value).not.toBe(0);
    expect(slower.difference!.value).toBeCloseTo(-faster.difference!.value, 12);
  });

  it('takes no request for independent of its neighbours: harm and its absence need blocks of them', () => {
    const latency = rule('latencyMs', { margin: 0, minSamples: 10 });
    // Fifty slow requests, then fifty fast ones, and so on.
    const waves = (n: number) => latencies(latency, (i) => (Math.floor(i / 50) % 2 === 0 ? 3 : 0.5), n);
    const reading = readEvidence(latency, waves(400), 1);
    expect(reading).toMatchObject({ verdict: 'Inconclusive', eValue: 1 });
    expect(reading.moreNeeded).toBeGreaterThan(400);
  });

  it('compares anew where an earlier version kept no series', () => {
    const latency = rule('latencyMs', { minSamples: 1 });
    const old = { metric: 'latencyMs', counts: {}, recentChampionMs: [1], recentCandidateMs: [1] };
    expect(readEvidence(latency, old as unknown as EvidenceState, 1).samples).toBe(0);
    expect(addBatch(latency, old as unknown as EvidenceState, batch())).toMatchObject({
      recentChampionMs: [1],
      requests: 0,
    });
  });

  it('compares only requests whose rows both models scored', () => {
    const latency = rule('latencyMs', { minSamples: 1 });
    const state = addBatch(latency, emptyEvidence(latency), batch({ championScores: [null], candidateLatencyMs: 99 }));
    expect(readEvidence(latency, state, 1)).toMatchObject({
      samples: 0,
      verdict: 'Inconclusive',
    });
  });
});

describe('engagement', () => {
  it('counts the named feedback by arm and fails an arm that users like less', () => {
    const engagement = rule('engagement', {
      feedback: 'accepted',
      margin: 0.05,
      minSamples: 500,
    });
    const random = seededRandom(5);
    let state = emptyEvidence(engagement);
    for (let i = 0; i < 4000; i++) {
      const arm = i % 2 === 0 ? 'candidate' : 'champion';
      state = addFeedback(engagement, state, {
        arm,
        name: 'accepted',
        value: random.next() < (arm === 'champion' ? 0.6 : 0.3) ? 1 : 0,
      });
      state = addFeedback(engagement, state, {
        arm,
        name: 'dwell',
        value: 1e9,
      });
    }
    expect(readEvidence(engagement, state, 1)).toMatchObject({
      verdict: 'Fail',
      samples: 2000,
    });
  });
});

describe('late labels', () => {
  const patient = rule('accuracy', { minSamples: 300, margin: 0.02, minLabelShare: 0.9 });
  const agreed: ScoredPair[] = Array.from({ length: 900 }, (_, i) => ({
    champion: 0.9,
    candidate: 0.8,
    label: i % 9 === 0 ? 0 : 1,
  }));
  const logged = (rows: number): EvidenceState =>
    addBatch(
      patient,
      emptyEvidence(patient),
      batch({ championScores: Array(rows).fill(0.9), candidateScores: Array(rows).fill(0.8) }),
    );

  it('hold an analysis that would pass on the early ones', () => {
    const reading = readEvidence(patient, addPairs(patient, logged(1_200), agreed), 1);
    expect(reading).toMatchObject({ verdict: 'Inconclusive', samples: 900, moreNeeded: null });
    expect(reading.explanation).toContain('waits for late labels, 90 % of the compared rows');
    expect(readEvidence(patient, addPairs(patient, logged(1_000), agreed), 1).verdict).toBe('Pass');
    expect(
      readEvidence(rule('accuracy', { minSamples: 300, margin: 0.02 }), addPairs(patient, logged(1_200), agreed), 1)
        .verdict,
    ).toBe('Pass');
  });

  it('do not keep harm from being seen', () => {
    const bad = agreed.map((pair) => ({ ...pair, candidate: 0.1 }));
    expect(readEvidence(patient, addPairs(patient, logged(5_000), bad), 1).verdict).toBe('Fail');
  });
});

describe('an undecided analysis', () => {
  it('says how many more samples would decide it, and they do', () => {
    const errors = rule('errorRate', { minSamples: 500, margin: 0.01 });
    const served = (requests: number): EvidenceState => {
      let state = emptyEvidence(errors);
      for (let i = 0; i < requests; i++) {
        const bad = i % 100 === 0 ? 1 : 0;
        state = addBatch(
          errors,
          state,
          batch({ champion: { requests: 1, failed: bad }, candidate: { requests: 1, failed: bad } }),
        );
      }
      return state;
    };
    const reading = readEvidence(errors, served(1_000), 1);
    expect(reading.verdict).toBe('Inconclusive');
    expect(reading.explanation).toMatch(/^undecided, about [\d,]+ more requests decide if it stays so/);
    const requests = 1_000 + reading.moreNeeded!;
    expect(readEvidence(errors, served(Math.ceil(1.02 * requests)), 1).verdict).toBe('Pass');
    expect(readEvidence(errors, served(Math.floor(0.9 * requests)), 1).verdict).toBe('Inconclusive');
  });
});
