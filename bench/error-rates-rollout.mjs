#!/usr/bin/env node
/**
 * Error rates of the statistics behind rollouts and labels, by simulation with fixed seeds. Build first
 * (`npx tsc -b libs/statistics`), then `node bench/error-rates-rollout.mjs [--only queues]`. Prints Markdown tables; ends with
 * code 1 when a rate exceeds its limit by more than two standard errors of the simulation.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../libs/kernel/dist/index.js';
import * as s from '../libs/statistics/dist/index.js';
import { percent } from './simulated.mjs';

const ALPHA = 0.05;
let missed = 0;
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const table = (title, head, rows) => {
  console.log(`\n### ${title}\n\n| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
};
/** A share of runs with its 95 % interval and its limit; counts a miss when simulation noise cannot explain it. */
const atMost = (hits, runs, limit) => {
  const share = hits / runs;
  if (share > limit + 2 * Math.sqrt((limit * (1 - limit)) / runs)) missed++;
  // A sum of shares, one a run, has no binomial interval.
  if (!Number.isInteger(hits)) return `${percent(share)} (at most ${percent(limit)})`;
  const { lower, upper } = s.wilsonInterval(hits, runs);
  return `${percent(share)} [${(100 * lower).toFixed(1)}, ${(100 * upper).toFixed(1)}] (at most ${percent(limit)})`;
};
const normal = (random) => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
/** Poisson by inversion: counts of rare events in a minute. */
const poisson = (random, mean) => {
  let chance = Math.exp(-mean);
  let [count, cumulated] = [0, chance];
  for (const draw = random.next(); draw > cumulated && count < 1_000;) {
    count++;
    chance *= mean / count;
    cumulated += chance;
  }
  return count;
};

function countCanary(seed, { perMinute, share, rates, minutes, lookEvery }) {
  const random = seededRandom(seed);
  const exposure = [perMinute * share, perMinute * (1 - share)];
  let state = s.startCountEProcess();
  let [canaryEvents, baselineEvents] = [0, 0];
  for (let minute = 1; minute <= minutes; minute++) {
    canaryEvents += poisson(random, exposure[0] * rates[0]);
    baselineEvents += poisson(random, exposure[1] * rates[1]);
    if (minute % lookEvery !== 0) continue;
    const exposures = { canaryExposure: exposure[0] * lookEvery, baselineExposure: exposure[1] * lookEvery };
    state = s.updateCountEProcess(state, { canaryEvents, baselineEvents, ...exposures });
    [canaryEvents, baselineEvents] = [0, 0];
    if (s.readCountEProcess(state, ALPHA).rejected) return minute;
  }
  return null;
}

function counts() {
  const aa = (perMinute, lookEvery, runs) => {
    let alarms = 0;
    for (let run = 0; run < runs; run++) {
      const plan = { perMinute, share: 0.5, rates: [0.01, 0.01], minutes: 1_440, lookEvery };
      if (countCanary(run, plan) !== null) alarms++;
    }
    return atMost(alarms, runs, ALPHA);
  };
  table(
    'Canary on errors, two equal models for 24 h, aborted',
    ['traffic (both arms)', '30 looks', 'a look every minute'],
    [...[4, 40, 400].map((perMinute) => [`${perMinute}/min`, aa(perMinute, 48, 1_000), aa(perMinute, 1, 1_500)])],
  );
  const rows = [
    [4, 0.5, 0.05],
    [40, 0.5, 0.05],
    [40, 0.5, 0.02],
    [40, 0.1, 0.05],
    [4, 0.1, 0.05],
    [400, 0.5, 0.05],
  ].map(([perMinute, share, rate]) => {
    const plan = { perMinute, share, rates: [rate, 0.01], minutes: 240, lookEvery: 1 };
    const found = Array.from({ length: 300 }, (_, run) => countCanary(run, plan)).filter((minute) => minute !== null);
    const expected = s.expectedRowsToDetectRatio({
      baselineRate: 0.01,
      rateRatio: rate / 0.01,
      canaryShare: share,
      alpha: ALPHA,
    });
    const planned = `${Math.round(expected.rows / perMinute)} min`;
    return [
      `${perMinute}/min`,
      `${100 * share} %`,
      `1 → ${100 * rate} %`,
      percent(found.length / 300),
      found.length > 150 ? `${median(found)} min` : '–',
      planned,
    ];
  });
  table(
    'Canary on errors, harm found within 240 minutes',
    ['traffic', 'canary', 'error rate', 'found', 'median', 'planned'],
    rows,
  );
}

function pairs() {
  const limit = 20_000;
  const paired = (seed, lossShare, discordant, batch) => {
    const random = seededRandom(seed);
    let state = s.startPairedEProcess();
    for (let rows = batch; rows <= limit; rows += batch) {
      const found = { losses: 0, wins: 0 };
      for (let i = 0; i < batch; i++)
        if (random.next() < discordant) found[random.next() < lossShare ? 'losses' : 'wins']++;
      if (found.losses + found.wins === 0) continue;
      state = s.updatePairedEProcess(state, found);
      if (s.readPairedEProcess(state, ALPHA).harm.rejected) return rows;
    }
    return null;
  };
  const split = (seed, accuracies) => {
    const random = seededRandom(seed);
    let state = s.startCountEProcess();
    for (let rows = 40; rows <= limit; rows += 40) {
      const canaryEvents = poisson(random, 20 * (1 - accuracies[1]));
      const baselineEvents = poisson(random, 20 * (1 - accuracies[0]));
      state = s.updateCountEProcess(state, { canaryEvents, baselineEvents, canaryExposure: 20, baselineExposure: 20 });
      if (s.readCountEProcess(state, ALPHA).rejected) return rows;
    }
    return null;
  };
  const rows = [
    [0.9, 0.85, 0.92],
    [0.9, 0.88, 0.95],
    [0.9, 0.89, 0.97],
    [0.9, 0.9, 0.97],
  ].map(([champion, candidate, agreement]) => {
    const discordant = 1 - agreement;
    const lossShare = (1 + (champion - candidate) / discordant) / 2;
    const equal = champion === candidate;
    const runs = equal ? 3_000 : 300;
    const found = (one) => Array.from({ length: runs }, (_, run) => one(run)).filter((value) => value !== null);
    const both = [
      found((run) => paired(run, lossShare, discordant, equal ? 20 : 2)),
      found((run) => split(run, [champion, candidate])),
    ];
    const shown = both.map((values) =>
      equal
        ? atMost(values.length, runs, ALPHA)
        : `${values.length > runs / 2 ? median(values) : '–'} (${percent(values.length / runs)})`,
    );
    return [`${champion} → ${candidate}`, percent(agreement), ...shown];
  });
  table(
    'Labels until a loss of accuracy is seen, median (share found within 20,000)',
    ['accuracy', 'agreement', 'shadow, paired', 'split traffic'],
    rows,
  );
}

const autoregressive = (random, rho, points) => {
  let value = normal(random);
  return Array.from({ length: points }, () => (value = rho * value + Math.sqrt(1 - rho * rho) * normal(random)));
};

function series() {
  const watch = (rho, points, shift, runs) => {
    let alarms = 0;
    let judged = 0;
    for (let run = 0; run < runs; run++) {
      const random = seededRandom(10_000 + run);
      const [a, b] = [autoregressive(random, rho, points), autoregressive(random, rho, points)];
      let [alarm, verdict] = [false, false];
      for (let look = 1; look <= 30 && !alarm; look++) {
        const part = Math.floor((points * look) / 30);
        const read = s.seriesDifference(
          a.slice(0, part),
          b.slice(0, part).map((value) => value + shift),
        );
        if (read.kind !== 'estimated') continue;
        verdict = true;
        alarm = read.lower > 0 || read.upper < 0;
      }
      if (alarm) alarms++;
      if (verdict) judged++;
    }
    return { alarms, judged, runs };
  };
  const kayenta = (rho) => {
    let alarms = 0;
    for (let run = 0; run < 100; run++) {
      const random = seededRandom(run);
      const [baseline, canary] = [autoregressive(random, rho, 60), autoregressive(random, rho, 60)].map((x) =>
        x.map((v) => 100 + 10 * v),
      );
      if (s.kayentaJudge({ baseline, canary }).classification !== 'Pass') alarms++;
    }
    return percent(alarms / 100);
  };
  const rows = [0, 0.5, 0.8, 0.95].map((rho) => {
    const cells = [60, 240, 720].map((points) => {
      const { alarms, judged, runs } = watch(rho, points, 0, 1_500);
      return `${atMost(alarms, runs, ALPHA)}, enough points for a verdict in ${percent(judged / runs)}`;
    });
    return [String(rho), ...cells, percent(watch(rho, 720, 1, 400).alarms / 400), kayenta(rho)];
  });
  table(
    'Minute series of two equal arms, 30 looks, aborted',
    [
      'autocorrelation',
      '60 points',
      '240 points',
      '720 points',
      'found: shift of 1 sd, 720 points',
      'Kayenta rules, 60 points, one look',
    ],
    rows,
  );
}

function units() {
  const runs = 60;
  // A verdict needs 24 blocks of at least 3 points.
  const points = 240;
  const flagged = (unit) => {
    let [kayenta, own, judged] = [0, 0, 0];
    for (let run = 0; run < runs; run++) {
      const random = seededRandom(run);
      const baseline = Array.from({ length: points }, () => unit * Math.exp(0.5 * normal(random)));
      const canary = Array.from({ length: points }, () => 1.25 * unit * Math.exp(0.5 * normal(random)));
      if (s.kayentaJudge({ baseline, canary }).classification === 'High') kayenta++;
      const read = s.seriesDifference(baseline, canary, { alpha: ALPHA });
      if (read.kind === 'estimated') judged++;
      if (read.kind === 'estimated' && read.lower > 0) own++;
    }
    return { kayenta, own, judged };
  };
  const scales = [1, 1e-3, 1e-4, 1e-5].map((unit) => ({ unit, ...flagged(unit) }));
  if (scales.some(({ own, judged }) => own !== scales[0].own || own === 0 || judged === 0)) missed++;
  table(
    'The same latencies (+25 %, 240 points) in other units, flagged',
    ['unit', 'block means give a verdict', 'block means', 'Kayenta rules'],
    scales.map(({ unit, own, judged, kayenta }) => [
      `× ${unit}`,
      ...[judged, own, kayenta].map((count) => percent(count / runs)),
    ]),
  );
}

function slices() {
  const watch = (harmed, runs) => {
    let [anyFlagged, falseShare, found] = [0, 0, 0];
    for (let run = 0; run < runs; run++) {
      const random = seededRandom(run);
      let states = Array.from({ length: 50 }, () => s.startCountEProcess());
      let flags = [];
      for (let look = 0; look < 30 && !flags.includes(true); look++) {
        states = states.map((state, slice) =>
          s.updateCountEProcess(state, {
            canaryEvents: poisson(random, slice < harmed ? 3 : 1),
            baselineEvents: poisson(random, 1),
            canaryExposure: 50,
            baselineExposure: 50,
          }),
        );
        flags = s.eBenjaminiHochberg(
          states.map((state) => s.readCountEProcess(state, ALPHA).logEValue),
          ALPHA,
        );
      }
      const flagged = flags.filter(Boolean).length;
      const wrong = flags.slice(harmed).filter(Boolean).length;
      if (flagged > 0) anyFlagged++;
      falseShare += flagged === 0 ? 0 : wrong / flagged;
      if (flags.slice(0, harmed).includes(true)) found++;
    }
    return { anyFlagged, falseShare, found };
  };
  const healthy = watch(0, 500);
  const harmed = watch(5, 200);
  table(
    '50 slices at once with e-BH, 30 looks',
    ['', 'rate'],
    [
      ['healthy canary flagged', atMost(healthy.anyFlagged, 500, ALPHA)],
      ['5 slices with three times the errors: canary stopped', percent(harmed.found / 200)],
      ['share of flagged slices that are healthy', atMost(harmed.falseShare, 200, ALPHA)],
    ],
  );
}

/** Wrong answers are noticed late, so the labels that come first flatter a candidate that is five points worse. */
function lateLabels() {
  const promoted = (minLabelShare) => {
    let count = 0;
    for (let run = 0; run < 200; run++) {
      const random = seededRandom(run);
      const rows = Array.from({ length: 4_000 }, (_, i) => {
        const draw = random.next();
        const loss = draw < 0.065 ? 1 : draw < 0.08 ? -1 : 0;
        return { loss, at: i / 100 - Math.log(1 - random.next()) * (loss === 1 ? 60 : 1) };
      });
      for (let hour = 1; hour <= 40; hour++) {
        const come = rows.filter(({ at }, i) => at <= hour && i < 100 * hour);
        const sum = come.reduce((total, { loss }) => total + loss, 0);
        const sumSquares = come.reduce((total, { loss }) => total + loss * loss, 0);
        const harm = s.meanConfidenceSequence({ n: come.length, sum, sumSquares }, { alpha: ALPHA, tunedForRows: 500 });
        const look = {
          samples: come.length,
          minSamples: 500,
          margin: 0.02,
          labelsMature: come.length >= minLabelShare * 100 * hour,
        };
        const { verdict } = s.sequentialVerdict({ ...look, ...(harm.kind === 'estimated' && { harm }) });
        if (verdict === 'non-inferior') count++;
        if (verdict !== 'inconclusive') break;
      }
    }
    return count;
  };
  table(
    'A candidate 5 points worse whose errors are noticed late, promoted',
    ['labels that must have come', 'promoted'],
    [
      ['none in particular', percent(promoted(0) / 200)],
      ['98 %', atMost(promoted(0.98), 200, ALPHA)],
    ],
  );
}

function annotators() {
  const everPaused = (accuracy, rule, looks) => {
    let open = new Map([[0, 1]]);
    let paused = 0;
    for (let tasks = 1; tasks <= 100; tasks++) {
      const next = new Map();
      for (const [right, chance] of open) {
        next.set(right + 1, (next.get(right + 1) ?? 0) + chance * accuracy);
        next.set(right, (next.get(right) ?? 0) + chance * (1 - accuracy));
      }
      if (looks(tasks)) {
        for (const [right, chance] of next) {
          if (!rule(right, tasks)) continue;
          paused += chance;
          next.delete(right);
        }
      }
      open = next;
    }
    return paused;
  };
  const posterior = (right, tasks) => s.annotatorSkill(right, tasks, { floor: 0.85 }).verdict === 'pause';
  const raw = (right, tasks) => right / tasks < 0.85;
  const wrongly = everPaused(0.92, posterior, () => true);
  if (wrongly > 0.006) missed++;
  table(
    'Annotators paused (exact)',
    ['accuracy', 'raw share below 0.85 after 10 gold tasks', 'posterior rule, after each of 100 gold tasks'],
    [
      [
        '0.92',
        percent(
          everPaused(
            0.92,
            (right, tasks) => right / tasks < 0.9,
            (tasks) => tasks === 10,
          ),
        ) + ' (raw share below 0.9)',
        `${percent(wrongly)} (at most 0.6 %)`,
      ],
      ...[0.8, 0.7, 0.6].map((accuracy) => [
        String(accuracy),
        percent(everPaused(accuracy, raw, (tasks) => tasks === 10)),
        percent(everPaused(accuracy, posterior, () => true)),
      ]),
    ],
  );
}

function crowds() {
  const rows = [3, 5, 7, 9].map((redundancy) => {
    let [majority, model, all] = [0, 0, 0];
    for (let run = 0; run < 60; run++) {
      const random = seededRandom(run);
      const skills = Array.from({ length: redundancy }, () => 0.4 + 0.55 * random.next());
      const truth = Array.from({ length: 108 }, () => random.int(2));
      const labels = { items: [], annotators: [], values: [] };
      const votes = truth.map((value, item) =>
        skills.reduce((sum, skill, annotator) => {
          const given = random.next() < skill ? value : 1 - value;
          labels.items.push(item);
          labels.annotators.push(annotator);
          labels.values.push(given);
          return sum + given;
        }, 0),
      );
      const fitted = s.dawidSkene(labels);
      truth.forEach((value, i) => {
        all++;
        if (Number(votes[i] > redundancy / 2) === value) majority++;
        if (Number(fitted.posterior[2 * i + 1] > 0.5) === value) model++;
      });
    }
    return [
      redundancy,
      percent(majority / all),
      percent(model / all),
      redundancy >= s.DAWID_SKENE_REDUNDANCY ? 'model' : 'majority',
    ];
  });
  table(
    '108 items, annotators of accuracy 0.4 to 0.95, labels that are right',
    ['labels per item', 'majority', 'Dawid-Skene', 'chosen'],
    rows,
  );
}

/** Ridge logistic regression by gradient descent; weights with the intercept last. */
function fitLogistic(x, y, rows) {
  const width = x[0].length;
  const weights = new Float64Array(width + 1);
  for (let step = 0; step < 60; step++) {
    const gradient = new Float64Array(width + 1);
    for (const row of rows) {
      const error = chanceOf(weights, x[row]) - y[row];
      for (let d = 0; d < width; d++) gradient[d] += error * x[row][d];
      gradient[width] += error;
    }
    for (let d = 0; d <= width; d++)
      weights[d] -= 1.5 * (gradient[d] / rows.length + (0.02 * weights[d]) / Math.sqrt(rows.length));
  }
  return weights;
}
const chanceOf = (weights, features) => {
  let sum = weights[weights.length - 1];
  for (let d = 0; d < features.length; d++) sum += weights[d] * features[d];
  return 1 / (1 + Math.exp(-sum));
};

function queues() {
  const dimensions = 6;
  const draw = (random, rows, { intercept, noise, undecidable }) => {
    // Undecidable rows lie where no model can tell the classes apart, so that it stays uncertain of them for good.
    const scales = Array.from({ length: rows }, () => (random.next() < undecidable ? 0.1 : 1));
    const x = scales.map((scale) => Array.from({ length: dimensions }, () => scale * normal(random)));
    const y = x.map((row, i) => {
      if (scales[i] < 1) return random.int(2);
      const clean = random.next() < 1 / (1 + Math.exp(-(3 * row[0] - 2 * row[1] + row[2] + intercept))) ? 1 : 0;
      return random.next() < noise ? random.int(2) : clean;
    });
    return { x, y };
  };
  const auc = ({ x, y }, weights) =>
    s.rocAuc(
      y,
      x.map((row) => chanceOf(weights, row)),
    );
  const labelsNeeded = (seed, kind, strategy) => {
    const random = seededRandom(seed);
    const [pool, checks, test] = [draw(random, 1_000, kind), draw(random, 1_200, kind), draw(random, 1_500, kind)];
    const every = pool.y.map((_, row) => row);
    const goal = 0.5 + 0.95 * (auc(test, fitLogistic(pool.x, pool.y, every)) - 0.5);
    const order = every.map((row) => ({ row, draw: random.next() })).sort((a, b) => a.draw - b.draw);
    const labelled = order.slice(0, 20).map(({ row }) => row);
    const [guided, control] = [[...labelled], [...labelled]];
    let sums = { n: 0, sum: 0, sumSquares: 0 };
    let [guide, fellBack] = [strategy !== 'random', false];
    for (let round = 0; labelled.length < 420; round++) {
      const weights = fitLogistic(pool.x, pool.y, labelled);
      if (auc(test, weights) >= goal) break;
      const known = new Set(labelled);
      const open = every.filter((row) => !known.has(row));
      const uncertainty = open.map((row) => 1 - Math.abs(2 * chanceOf(weights, pool.x[row]) - 1));
      const draws = open.map(() => random.next());
      for (const { row, arm } of s.hybridQueue({ uncertainty, draws }, { count: 20, controlShare: guide ? 0.25 : 1 })) {
        labelled.push(open[row]);
        (arm === 'control' ? control : guided).push(open[row]);
      }
      if (strategy !== 'fallback' || !guide) continue;
      const models = [guided.slice(0, control.length), control].map((rows) => fitLogistic(pool.x, pool.y, rows));
      for (let i = 60 * round; i < 60 * (round + 1); i++) {
        const [a, b] = models.map((model) => {
          const chance = chanceOf(model, checks.x[i]);
          return -Math.log(Math.max(1e-9, checks.y[i] === 1 ? chance : 1 - chance));
        });
        sums = { n: sums.n + 1, sum: sums.sum + a - b, sumSquares: sums.sumSquares + (a - b) ** 2 };
      }
      if (s.judgeGuidedQueue(sums, { minRows: 120 }).verdict === 'random') [guide, fellBack] = [false, true];
    }
    return { labels: labelled.length, fellBack };
  };
  const rows = [
    ['balanced, clean', { intercept: 0, noise: 0, undecidable: 0 }],
    ['1 in 15, a fifth of the labels random', { intercept: -5, noise: 0.2, undecidable: 0 }],
    ['half of the rows undecidable', { intercept: 0, noise: 0, undecidable: 0.5 }],
  ].map(([name, kind]) => {
    const runs = 30;
    const [random, hybrid, fallback] = ['random', 'hybrid', 'fallback'].map((strategy) =>
      Array.from({ length: runs }, (_, run) => labelsNeeded(run, kind, strategy)),
    );
    const mean = (results) => (results.reduce((sum, { labels }) => sum + labels, 0) / runs).toFixed(0);
    return [
      name,
      mean(random),
      mean(hybrid),
      mean(fallback),
      percent(fallback.filter(({ fellBack }) => fellBack).length / runs),
    ];
  });
  table(
    'Labels until 95 % of the gain in AUC is reached, mean of 30 runs, at most 420',
    ['data', 'random', 'hybrid, a quarter control', 'hybrid with fallback', 'fell back'],
    rows,
  );
}

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const parts = { counts, pairs, series, units, slices, lateLabels, annotators, crowds, queues };
for (const [name, run] of Object.entries(parts)) if (name.startsWith(values.only)) await run();
process.exitCode = missed > 0 ? 1 : 0;
