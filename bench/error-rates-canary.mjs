#!/usr/bin/env node
/**
 * Error rates of a rollout's own evidence, by simulation with fixed seeds: failed requests of many rows, a
 * split of keys that come often, times of neighbouring requests that are alike,
 * and several analyses at once. Build first
 * (`npx tsc -b apps/rollout`), then `node bench/error-rates-canary.mjs`. Prints Markdown tables; ends with code 1 when a rate exceeds its
 * limit by more than two standard errors of the simulation.
 */
import { join } from 'node:path';
import { seededRandom } from '../libs/kernel/dist/index.js';
import { wilsonInterval } from '../libs/statistics/dist/index.js';
import { percent } from './simulated.mjs';

const inside = (path) => import(join(import.meta.dirname, '../apps/rollout/dist/domain', path));
const { addBatch, addFeedback, emptyEvidence, readEvidence } = await inside('evidence.js');
const { judgedAnalyses } = await inside('rollout-plan.js');
const { emptySplit, observeSplit, splitMismatch } = await inside('split-check.js');

let missed = 0;
const table = (title, head, rows) => {
  console.log(`\n### ${title}\n\n| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
};
/** A share of runs with its 95 % interval and its limit; counts a miss when simulation noise cannot explain it. */
const atMost = (hits, runs, limit) => {
  if (hits / runs > limit + 2 * Math.sqrt((limit * (1 - limit)) / runs)) missed++;
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

failedRequests();
busyKeys();
latencies();
severalAnalyses();
process.exitCode = missed > 0 ? 1 : 0;
