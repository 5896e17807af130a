#!/usr/bin/env node
/**
 * Error rates of a rollout's own evidence, by simulation with fixed seeds: failed requests of many rows, a
 * split of keys that come often, times of neighbouring requests that are alike,
 * several analyses at once, and slices. Build first
 * (`npx tsc -b apps/rollout`), then `node bench/error-rates-canary.mjs [--only slices]`. Prints Markdown tables; ends with code 1 when a rate exceeds its
 * limit by more than two standard errors of the simulation.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../libs/kernel/dist/index.js';
import { wilsonInterval } from '../libs/statistics/dist/index.js';
import { logistic, percent } from './simulated.mjs';

const inside = (path) => import(join(import.meta.dirname, '../apps/rollout/dist/domain', path));
const { addBatch, addFeedback, emptyEvidence, readEvidence } = await inside('evidence.js');
const { judgedAnalyses } = await inside('rollout-plan.js');
const { addToSlices, emptySlices, readSlices } = await inside('slices.js');
const { emptySplit, observeSplit, splitMismatch } = await inside('split-check.js');

let missed = 0;
const table = (title, head, rows) => {
  console.log(`\n### ${title}\n\n| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
};
/** A share of runs with its 95 % interval and its limit; counts a miss when simulation noise cannot explain it. */
const atMost = (hits, runs, limit) => {
  if (hits / runs > limit + 2 * Math.sqrt((limit * (1 - limit)) / runs)) missed++;
  // A sum of shares, one a run, has no binomial interval.
  if (!Number.isInteger(hits)) return `${percent(hits / runs)} (at most ${percent(limit)})`;
  const { lower, upper } = wilsonInterval(hits, runs);
  return `${percent(hits / runs)} [${(100 * lower).toFixed(1)}, ${(100 * upper).toFixed(1)}] (at most ${percent(limit)})`;
};
/** Runs in which something happened. */
const hitsOf = (runs, happens) => {
  let hits = 0;
  for (let run = 0; run < runs; run++) if (happens(seededRandom(run))) hits++;
  return hits;
};

const ALPHA = 0.05;
const ruleOf = (metric, changes = {}) => ({
  name: metric,
  metric,
  alpha: ALPHA,
  margin: 0,
  minSamples: 200,
  ...changes,
});
/** What the gateway logs of one request that both models were asked. */
const served = (rows, changes = {}) => ({
  requestId: 'r',
  eventTimeMs: 0,
  epoch: 1,
  keys: [],
  assignedToCandidate: [],
  servedByCandidate: Array.from({ length: rows }, () => false),
  championScores: Array.from({ length: rows }, () => 0.5),
  candidateScores: Array.from({ length: rows }, () => 0.5),
  championLatencyMs: 1,
  candidateLatencyMs: 1,
  champion: { requests: 1, failed: 0 },
  candidate: { requests: 1, failed: 0 },
  ...changes,
});

function failedRequests() {
  const rule = ruleOf('errorRate');
  const harm = (rates, rows) => (random) => {
    let state = emptyEvidence(rule);
    for (let request = 0; request < 1_000; request++) {
      const [champion, candidate] = rates.map((rate) => ({ requests: 1, failed: Number(random.next() < rate) }));
      const scores = ({ failed }) => Array.from({ length: rows }, () => (failed ? null : 0.5));
      state = addBatch(
        rule,
        state,
        served(rows, { champion, candidate, championScores: scores(champion), candidateScores: scores(candidate) }),
      );
    }
    // What was refuted at any time stays refuted.
    return readEvidence(rule, state, 1).verdict === 'Fail';
  };
  table(
    'Requests that fail as a whole, 1,000 of them, harm declared',
    ['rows a request', '1 % fail in both arms', '1 % and 5 %'],
    [1, 8, 64].map((rows) => [
      rows,
      atMost(hitsOf(400, harm([0.01, 0.01], rows)), 400, ALPHA),
      percent(hitsOf(100, harm([0.01, 0.05], rows)) / 100),
    ]),
  );
}

function busyKeys() {
  const mismatch = (share, keys, requests) => (random) => {
    const arms = Array.from({ length: keys }, () => random.next() < share);
    let split = emptySplit;
    for (let sent = 0; sent < keys * requests; sent += 1_000) {
      const drawn = Array.from({ length: 1_000 }, () => random.int(keys));
      const batch = served(1, {
        keys: drawn.map((key) => `key-${key}`),
        assignedToCandidate: drawn.map((key) => arms[key]),
      });
      split = observeSplit(split, batch, { weightPercent: 10 });
      if (splitMismatch(split, 10)) return true;
    }
    return false;
  };
  table(
    'Split of keys that come 50 times each, 10 % asked for, mismatch reported',
    ['keys', "10 % are the candidate's", '15 %'],
    [500, 2_000].map((keys) => [
      keys.toLocaleString('en-US'),
      atMost(hitsOf(100, mismatch(0.1, keys, 50)), 100, 0.001),
      percent(hitsOf(50, mismatch(0.15, keys, 50)) / 50),
    ]),
  );
}

const normal = (random) => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

function latencies() {
  const rule = ruleOf('latencyMs');
  /** Request at which harm is declared; log-normal times of 100 ms, each arm with its own first-order autocorrelation. */
  const harmAt =
    (rho, { spread, factor }) =>
    (random) => {
      let state = emptyEvidence(rule);
      const noise = [normal(random), normal(random)];
      for (let request = 1; request <= 2_000; request++) {
        for (const arm of [0, 1]) noise[arm] = rho * noise[arm] + Math.sqrt(1 - rho * rho) * normal(random);
        const [championLatencyMs, candidateLatencyMs] = noise.map((value) => 100 * Math.exp(spread * value));
        state = addBatch(
          rule,
          state,
          served(1, { championLatencyMs, candidateLatencyMs: factor * candidateLatencyMs }),
        );
        if (request % 25 === 0 && readEvidence(rule, state, 1).verdict === 'Fail') return request;
      }
      return null;
    };
  const found = (rho, kind) => {
    const at = Array.from({ length: 40 }, (_, run) => harmAt(rho, kind)(seededRandom(run))).filter(Boolean);
    return at.length > 20 ? `${percent(at.length / 40)}, median ${median(at)}` : percent(at.length / 40);
  };
  table(
    'Latency of 2,000 requests whose neighbours are alike, 80 looks, harm declared',
    ['autocorrelation', 'equal models', '1.5 times as slow, spread 30 %', '1.5 times as slow, spread 70 %'],
    [0, 0.5, 0.8, 0.95].map((rho) => [
      rho,
      atMost(
        hitsOf(150, (random) => harmAt(rho, { spread: 0.3, factor: 1 })(random) !== null),
        150,
        ALPHA,
      ),
      found(rho, { spread: 0.3, factor: 1.5 }),
      found(rho, { spread: 0.7, factor: 1.5 }),
    ]),
  );
}

function severalAnalyses() {
  const runs = 200;
  const harm = (analyses) => (random) => {
    const evidence = analyses.map(emptyEvidence);
    for (let look = 1; look <= 20; look++) {
      for (const [i, rule] of analyses.entries()) {
        for (let user = 0; user < 50; user++) {
          for (const arm of ['champion', 'candidate']) {
            const reaction = { arm, name: rule.feedback, value: Number(random.next() < 0.5) };
            evidence[i] = addFeedback(rule, evidence[i], reaction);
          }
        }
      }
      if (analyses.some((rule, i) => readEvidence(rule, evidence[i], look).verdict === 'Fail')) return true;
    }
    return false;
  };
  table(
    'Several analyses of one rollout, equal models, 20 looks, harm declared by any',
    ['analyses', 'each with its part of alpha', 'each with all of it'],
    [1, 3, 6].map((count) => {
      const analyses = Array.from({ length: count }, (_, i) =>
        ruleOf('engagement', { name: `a${i}`, feedback: `f${i}`, alpha: ALPHA }),
      );
      const plan = { analyses, steps: [{ analyses: analyses.map(({ name }) => name) }] };
      return [
        count,
        atMost(hitsOf(runs, harm(judgedAnalyses(plan))), runs, ALPHA),
        percent(hitsOf(runs, harm(analyses)) / runs),
      ];
    }),
  );
}

const featuresOf = (count, cuts) =>
  Array.from({ length: count }, (_, i) => ({
    feature: `f${i}`,
    column: i,
    cuts: Array.from({ length: cuts }, (_, k) => k),
  }));
const sliceRule = (features) => ({ analysis: 'logLoss', features, falseDiscoveryRate: ALPHA, minSamples: 200 });
/** A row that both models scored; what each adds to the true log odds of the outcome, up or down by chance. */
const scored = (random, [champion, candidate], slices) => {
  const chance = 0.1 + 0.8 * random.next();
  const odds = Math.log(chance / (1 - chance));
  const pushed = (by) => logistic(odds + (random.next() < 0.5 ? by : -by));
  return { champion: pushed(champion), candidate: pushed(candidate), label: Number(random.next() < chance), slices };
};
/** Log odds added by which the expected log loss of such rows rises by so much. */
const pushFor = (harm) => {
  const loss = (by) => {
    let sum = 0;
    for (let i = 0; i < 400; i++) {
      const chance = 0.1 + (0.8 * (i + 0.5)) / 400;
      const odds = Math.log(chance / (1 - chance));
      for (const push of [by, -by]) {
        const score = logistic(odds + push);
        sum -= chance * Math.log(score / chance) + (1 - chance) * Math.log((1 - score) / (1 - chance));
      }
    }
    return sum / 800;
  };
  let [low, high] = [0, 5];
  for (let i = 0; i < 40; i++) {
    if (loss((low + high) / 2) < harm) low = (low + high) / 2;
    else high = (low + high) / 2;
  }
  return low;
};

function slices() {
  const [looks, rows, noise] = [30, 1_000, 0.5];
  const analysis = ruleOf('logLoss');
  /** Codes of the slices of a row by features of ten slices each; a feature with many slices has one code. */
  const among = (random, features) => features.map(({ cuts }) => random.int(cuts.length + 2));
  /** Models that are right as often, each on its own. */
  const guessed = (random, codes) => {
    const score = () => (random.next() < 0.7 ? 0.6 : 0.4);
    return { champion: score(), candidate: score(), label: 1, slices: codes };
  };
  const noisy = (random, codes) => scored(random, [noise, noise], codes);
  const healthy = (metric, row, flagged) => (random) => {
    const rule = sliceRule(featuresOf(5, 8));
    let sums = emptySlices(rule);
    for (let look = 0; look < looks; look++) {
      const pairs = Array.from({ length: rows }, () => row(random, among(random, rule.features)));
      sums = addToSlices(rule, metric, sums, pairs);
      if (flagged(readSlices(rule, { ...analysis, metric }, sums))) return true;
    }
    return false;
  };
  const runs = 300;
  const kinds = [
    ['logLoss', noisy],
    ['accuracy', guessed],
  ];
  const alone = ({ worst }) => (worst[0]?.eValue ?? 0) >= 1 / ALPHA;
  table(
    '50 slices by five features, equal models, margin 0, 30 looks of 1,000 labels, taken back',
    ['', 'log loss', 'accuracy'],
    [
      [
        'e-BH over all 50',
        ...kinds.map(([metric, row]) =>
          atMost(
            hitsOf(
              runs,
              healthy(metric, row, ({ harmed }) => harmed > 0),
            ),
            runs,
            ALPHA,
          ),
        ),
      ],
      [
        'each slice by itself at 5 %',
        ...kinds.map(([metric, row]) => percent(hitsOf(runs, healthy(metric, row, alone)) / runs)),
      ],
    ],
  );

  /** Labels in the one harmed slice until it is found, of at most 20,000. */
  const foundAt = (push, margin) => (random) => {
    const rule = sliceRule(featuresOf(1, 48));
    let sums = emptySlices(rule);
    for (let labels = 100; labels <= 20_000; labels += 100) {
      sums = addToSlices(
        rule,
        'logLoss',
        sums,
        Array.from({ length: 100 }, () => scored(random, [0, push], [7])),
      );
      if (readSlices(rule, { ...analysis, margin }, sums).harmed > 0) return labels;
    }
    return null;
  };
  table(
    'Harm in one slice of 50: labels in that slice until it is found, median (share found within 20,000)',
    ['harm, nats a row', 'margin 0', 'margin 0.02'],
    [0.03, 0.05, 0.1, 0.2].map((harm) => [
      harm,
      ...[0, 0.02].map((margin) => {
        const at = Array.from({ length: 50 }, (_, run) => foundAt(pushFor(harm), margin)(seededRandom(run)));
        const found = at.filter((labels) => labels !== null);
        return `${found.length > 25 ? median(found).toLocaleString('en-US') : '–'} (${percent(found.length / 50)})`;
      }),
    ]),
  );

  const [several, push] = [100, pushFor(0.1)];
  const atStop = { wrong: 0, stopped: 0 };
  const atEnd = { wrong: 0, found: 0 };
  for (let run = 0; run < several; run++) {
    const random = seededRandom(run);
    const rule = sliceRule(featuresOf(1, 48));
    let [sums, stopped] = [emptySlices(rule), false];
    for (let look = 0; look < looks; look++) {
      const pairs = Array.from({ length: 4 * rows }, () => {
        const code = random.int(50);
        return scored(random, code < 5 ? [0, push] : [noise, noise], [code]);
      });
      sums = addToSlices(rule, 'logLoss', sums, pairs);
      const last = look === looks - 1;
      if (stopped && !last) continue;
      const { worst, harmed } = readSlices(rule, analysis, sums);
      const right = new Set(['f0 missing', 'f0 < 0', '0 <= f0 < 1', '1 <= f0 < 2', '2 <= f0 < 3']);
      const wrong = worst.filter((one) => one.harmed && !right.has(one.slice)).length;
      if (!stopped && harmed > 0) {
        stopped = true;
        atStop.stopped++;
        atStop.wrong += wrong / harmed;
      }
      if (last) {
        atEnd.wrong += harmed > 0 ? wrong / harmed : 0;
        atEnd.found += (harmed - wrong) / 5;
      }
    }
  }
  table(
    '5 slices of 50 harmed by 0.1 nats, margin 0, 30 looks of 80 labels a slice',
    ['', 'when it is taken back', 'had it gone on for 30 looks'],
    [
      ['taken back; harmed slices found', percent(atStop.stopped / several), percent(atEnd.found / several)],
      [
        'share of the slices found that are not harmed',
        atMost(atStop.wrong, several, ALPHA),
        atMost(atEnd.wrong, several, ALPHA),
      ],
    ],
  );
}

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const parts = { failedRequests, busyKeys, latencies, severalAnalyses, slices };
for (const [name, run] of Object.entries(parts)) if (name.startsWith(values.only)) run();
process.exitCode = missed > 0 ? 1 : 0;
