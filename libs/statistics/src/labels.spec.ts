import { seededRandom } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import {
  annotatorSkill,
  dawidSkene,
  fleissKappa,
  gwetAgreement,
  hybridQueue,
  inferTruth,
  judgeGuidedQueue,
  krippendorffAlpha,
  agreementVerdict,
  krippendorffInterval,
  labelIssues,
  labelsForPrecision,
  stabilisingPredictions,
  wilsonInterval,
} from './index.js';

/** Labels of `annotators` who are right with their own chance; two classes, everybody labels everything. */
function crowd(seed: number, items: number, skills: readonly number[]) {
  const random = seededRandom(seed);
  const truth = Array.from({ length: items }, () => (random.next() < 0.5 ? 1 : 0));
  const labels = { items: [] as number[], annotators: [] as number[], values: [] as number[] };
  truth.forEach((value, item) =>
    skills.forEach((skill, annotator) => {
      labels.items.push(item);
      labels.annotators.push(annotator);
      labels.values.push(random.next() < skill ? value : 1 - value);
    }),
  );
  return { truth, labels };
}

describe('agreement', () => {
  it('says why it cannot be measured', () => {
    expect(fleissKappa([], [])).toEqual({ kind: 'insufficient', reason: 'no-unit-labelled-twice' });
    expect(gwetAgreement([1, 2, 3], [0, 1, 0])).toEqual({ kind: 'insufficient', reason: 'no-unit-labelled-twice' });
    expect(gwetAgreement([1, 1, 2, 2], [3, 3, 3, 3])).toEqual({ kind: 'insufficient', reason: 'one-value' });
    expect(fleissKappa([1, 1], [0, 1])).toEqual({ kind: 'insufficient', reason: 'one-unit' });
    expect(krippendorffInterval([1, 1, 2], [0, 0, 1], 'nominal').kind).toBe('insufficient');
  });

  it('of a category everybody always gives is perfect once the other category is known to exist', () => {
    const result = gwetAgreement([1, 1, 2, 2], [3, 3, 3, 3], { categories: [3, 4] });
    expect(result).toMatchObject({ kind: 'measured', coefficient: 1, standardError: 0 });
  });

  it('has an interval that holds the alpha of the crowd it was drawn from about as often as it says', () => {
    const skills = [0.85, 0.8, 0.9];
    const { labels: everything } = crowd(1, 20_000, skills);
    const truth = krippendorffAlpha(everything.items, everything.values, 'nominal');
    let held = 0;
    for (let run = 0; run < 200; run++) {
      const { labels } = crowd(100 + run, 80, skills);
      const part = krippendorffInterval(labels.items, labels.values, 'nominal');
      if (
        truth.kind === 'measured' &&
        part.kind === 'measured' &&
        part.lower! <= truth.alpha &&
        truth.alpha <= part.upper!
      ) {
        held++;
      }
    }
    expect(held / 200).toBeGreaterThan(0.9);
    expect(held / 200).toBeLessThan(0.99);
  });

  it('is hardly known from few units, also when nobody disagreed', () => {
    const alike = (units: number) => Array.from({ length: 2 * units }, (_, i) => i >> 1);
    const answers = alike(4).map((unit) => unit % 2);
    const four = krippendorffInterval(alike(4), answers, 'nominal');
    expect(four).toMatchObject({ kind: 'measured', alpha: 1, upper: 1 });
    expect((four as { lower: number }).lower).toBeLessThan(0);
    expect(krippendorffInterval(alike(4), answers, 'interval')).toMatchObject({ alpha: 1, lower: null, upper: null });
    const one = krippendorffInterval([1, 1, 1], [0, 1, 1], 'nominal');
    expect(one).toMatchObject({ kind: 'measured', standardError: null, upper: 0.975 });
  });

  it('passes, fails, or says how many more units a verdict takes', () => {
    const tasks = (count: number, wrongEvery: number) => {
      const units = Array.from({ length: 2 * count }, (_, i) => i >> 1);
      return agreementVerdict(
        units,
        units.map((unit, i) => (i % 2 === 1 && (unit + 1) % wrongEvery === 0 ? 1 - (unit % 2) : unit % 2)),
        0.8,
      );
    };
    const few = tasks(20, Infinity);
    expect(few).toMatchObject({ verdict: 'inconclusive', alpha: 1 });
    expect(tasks(20 + few.moreNeeded!, Infinity)).toMatchObject({ verdict: 'pass', moreNeeded: 0 });
    expect(tasks(19 + few.moreNeeded!, Infinity).verdict).toBe('inconclusive');
    expect(tasks(200, 3)).toMatchObject({ verdict: 'fail', moreNeeded: 0 });
    expect(agreementVerdict([1, 1, 2], [0, 0, 1], 0.8)).toMatchObject({ reason: 'one-value', moreNeeded: 35 });
    expect(agreementVerdict([1, 2], [0, 1], 0.8)).toMatchObject({ reason: 'no-unit-labelled-twice', moreNeeded: 36 });
    expect(agreementVerdict([1, 2], [0, 1], 1).moreNeeded).toBeNull();
  });

  it('below what is asked for seldom passes, above it seldom fails', () => {
    const skills = [0.85, 0.8];
    const { labels: everything } = crowd(1, 20_000, skills);
    const truth = krippendorffAlpha(everything.items, everything.values, 'nominal') as { alpha: number };
    for (const [limit, wrong] of [
      [truth.alpha + 0.01, 'pass'],
      [truth.alpha - 0.01, 'fail'],
    ] as const) {
      const verdicts = Array.from({ length: 400 }, (_, run) => {
        const { labels } = crowd(1_000 + run, 60, skills);
        return agreementVerdict(labels.items, labels.values, limit).verdict;
      });
      // 2.5 % are allowed; 5 % is three standard errors above.
      expect(verdicts.filter((verdict) => verdict === wrong).length / 400).toBeLessThanOrEqual(0.05);
    }
  });
});

describe('the truth behind repeated labels', () => {
  it('is a majority at three labels per item and a model at seven, which learns who errs', () => {
    const few = crowd(3, 100, [0.8, 0.7, 0.9]);
    expect(inferTruth(few.labels).method).toBe('majority');
    let model = 0;
    let majority = 0;
    for (let seed = 0; seed < 10; seed++) {
      const { truth, labels } = crowd(seed, 150, [0.95, 0.93, 0.55, 0.5, 0.45, 0.55, 0.5]);
      const inferred = inferTruth(labels);
      expect(inferred.method).toBe('dawid-skene');
      model += truth.filter((value, i) => inferred.tied[i] === 0 && inferred.values[i] === value).length;
      const votes = new Float64Array(truth.length);
      labels.items.forEach((item, i) => (votes[item]! += labels.values[i]! - 0.5));
      majority += truth.filter((value, i) => value === Number(votes[i]! > 0)).length;
    }
    expect(model).toBeGreaterThan(majority + 100);
  });

  it('leaves a tie open', () => {
    const { items, tied, confidence, labels } = inferTruth({
      items: [1, 1, 2],
      annotators: [1, 2, 1],
      values: [0, 1, 1],
    });
    expect([items, tied, confidence, labels].map((column) => Array.from(column))).toEqual([
      [1, 2],
      [1, 0],
      [0.5, 1],
      [2, 1],
    ]);
  });

  it('falls back to the majority when a model has nothing to learn', () => {
    const same = { items: [1, 1, 1, 1, 1], annotators: [1, 2, 3, 4, 5], values: [7, 7, 7, 7, 7] };
    expect(inferTruth(same)).toMatchObject({
      method: 'majority',
      values: new Float64Array([7]),
      confidence: new Float64Array([1]),
    });
    expect(inferTruth({ items: [], annotators: [], values: [] })).toMatchObject({
      method: 'majority',
      redundancy: 0,
      items: new Float64Array(0),
    });
    expect(dawidSkene({ items: [1, 2], annotators: [9, 9], values: [0, 1] })).toEqual({
      kind: 'insufficient',
      reason: 'one-annotator',
    });
  });

  it('does not depend on the order of the labels nor on what annotators and classes are called', () => {
    const { labels } = crowd(8, 60, [0.9, 0.8, 0.7, 0.6, 0.85]);
    const fitted = dawidSkene(labels);
    const turned = dawidSkene({
      items: [...labels.items].reverse(),
      annotators: [...labels.annotators].reverse().map((a) => 100 - a),
      values: [...labels.values].reverse().map((value) => 9 - value),
    });
    if (fitted.kind !== 'fitted' || turned.kind !== 'fitted') throw new Error('not fitted');
    fitted.posterior.forEach((chance, i) => expect(turned.posterior[i ^ 1]).toBeCloseTo(chance, 6));
  });
});

describe('label issues', () => {
  it('are the flipped labels, and few others', () => {
    const random = seededRandom(5);
    const classes = 3;
    const rows = 600;
    const truth = Array.from({ length: rows }, () => random.int(classes));
    const flipped = truth.map(() => random.next() < 0.08);
    const labels = truth.map((value, i) => (flipped[i] ? (value + 1) % classes : value));
    const probabilities = truth.flatMap((value) => {
      const sure = 0.7 + 0.25 * random.next();
      return Array.from({ length: classes }, (_, k) => (k === value ? sure : (1 - sure) / (classes - 1)));
    });
    const issues = labelIssues(labels, { probabilities, classes });
    const found = Array.from(issues.rows);
    expect(found.filter((row) => flipped[row]).length / found.length).toBeGreaterThan(0.95);
    expect(issues.errorShare).toBeGreaterThan(0.05);
    expect(issues.errorShare).toBeLessThan(0.12);
  });

  it('does not invent a threshold for a class without rows', () => {
    const issues = labelIssues([0, 0], { probabilities: [0.9, 0.1, 0.2, 0.8], classes: 2 });
    expect(issues.thresholds[1]).toBeNull();
    expect(Array.from(issues.rows)).toEqual([]);
  });
});

describe('an annotator', () => {
  it('of accuracy 0.92 is ever paused in at most 0.6 % of all cases over a hundred gold tasks', () => {
    // Exact: the chance of each path of right and wrong answers that was not paused yet.
    let open = new Map([[0, 1]]);
    let paused = 0;
    for (let tasks = 1; tasks <= 100; tasks++) {
      const next = new Map<number, number>();
      for (const [right, chance] of open) {
        next.set(right + 1, (next.get(right + 1) ?? 0) + chance * 0.92);
        next.set(right, (next.get(right) ?? 0) + chance * 0.08);
      }
      for (const [right, chance] of next) {
        if (annotatorSkill(right, tasks, { floor: 0.85 }).verdict !== 'pause') continue;
        paused += chance;
        next.delete(right);
      }
      open = next;
    }
    expect(paused).toBeLessThan(0.006);
    expect(paused).toBeGreaterThan(0);
  });

  it('who guesses is paused once there is enough to judge', () => {
    expect(annotatorSkill(4, 9, { floor: 0.85 })).toMatchObject({ verdict: 'insufficient', tasksNeeded: 1 });
    expect(annotatorSkill(5, 10, { floor: 0.85 }).verdict).toBe('pause');
    expect(annotatorSkill(9, 10, { floor: 0.85 }).verdict).toBe('keep');
  });
});

describe('the hybrid queue', () => {
  const random = seededRandom(9);
  const rows = 400;
  const pool = {
    uncertainty: Float64Array.from({ length: rows }, () => random.next()),
    draws: Float64Array.from({ length: rows }, () => random.next()),
    points: Float64Array.from({ length: 2 * rows }, () => random.next()),
    dimensions: 2,
  };

  it('holds each arm at its share, each row once, and draws the control arm without looking at the rows', () => {
    const queue = hybridQueue(pool, { count: 100, controlShare: 0.2, diverseShare: 0.3 });
    const count = (arm: string): number => queue.filter((item) => item.arm === arm).length;
    expect([count('uncertain'), count('control'), count('diverse')]).toEqual([50, 20, 30]);
    expect(new Set(queue.map(({ row }) => row)).size).toBe(100);
    const controls = queue.filter(({ arm }) => arm === 'control').map(({ row }) => row);
    const lowest = Array.from(pool.draws, (draw, row) => ({ draw, row })).sort((a, b) => a.draw - b.draw);
    expect(new Set(controls)).toEqual(new Set(lowest.slice(0, 20).map(({ row }) => row)));
  });

  it('keeps its proportions when it is cut off', () => {
    const queue = hybridQueue(pool, { count: 100, controlShare: 0.2 });
    for (const length of [10, 25, 60]) {
      const controls = queue.slice(0, length).filter(({ arm }) => arm === 'control').length;
      expect(Math.abs(controls - 0.2 * length)).toBeLessThanOrEqual(1);
    }
  });

  it('is the most uncertain rows alone, or random rows alone, when asked', () => {
    const guided = hybridQueue(pool, { count: 3, controlShare: 0 });
    const best = Array.from(pool.uncertainty).sort((a, b) => b - a);
    expect(guided.map(({ row }) => pool.uncertainty[row])).toEqual(best.slice(0, 3));
    expect(hybridQueue(pool, { count: 3, controlShare: 1 }).every(({ arm }) => arm === 'control')).toBe(true);
    expect(hybridQueue({ uncertainty: [], draws: [] }, { count: 0, controlShare: 0.1 })).toEqual([]);
  });
});

describe('the judgement of a guided queue', () => {
  it('falls back when it teaches less than random rows, keeps it when it teaches more', () => {
    const of = (mean: number, n: number) => ({ n, sum: mean * n, sumSquares: (0.04 + mean * mean) * n });
    expect(judgeGuidedQueue(of(0.05, 2_000), { minRows: 200 }).verdict).toBe('random');
    expect(judgeGuidedQueue(of(-0.05, 2_000), { minRows: 200 }).verdict).toBe('guided');
    const open = judgeGuidedQueue(of(0.01, 300), { minRows: 200 });
    expect(open.verdict).toBe('undecided');
    expect(judgeGuidedQueue(of(0.01, 300 + open.moreNeeded!), { minRows: 200 }).verdict).toBe('random');
    expect(judgeGuidedQueue(of(0.01, 299 + open.moreNeeded!), { minRows: 200 }).verdict).toBe('undecided');
    expect(judgeGuidedQueue(of(0, 50), { minRows: 200 })).toEqual({ verdict: 'insufficient', n: 50, moreNeeded: 150 });
  });
});

describe('stopping rules', () => {
  it('stop when successive models agree over a whole window', () => {
    expect(stabilisingPredictions([0.999, 0.999])).toEqual({
      verdict: 'insufficient',
      agreement: null,
      roundsNeeded: 1,
    });
    expect(stabilisingPredictions([1, 1, 0.9]).verdict).toBe('go-on');
    expect(stabilisingPredictions([0.2, 1, 0.99, 0.99]).verdict).toBe('stop');
  });

  it('ask for as many labels as the interval needs', () => {
    const n = labelsForPrecision({ share: 0.5, halfWidth: 0.05 });
    const width = (trials: number): number => {
      const { lower, upper } = wilsonInterval(trials / 2, trials);
      return (upper - lower) / 2;
    };
    expect(width(n + (n % 2))).toBeLessThanOrEqual(0.05);
    expect(width(n - 2 - (n % 2))).toBeGreaterThan(0.05);
  });
});
