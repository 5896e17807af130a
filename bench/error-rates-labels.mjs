#!/usr/bin/env node
/**
 * How often the gates on labels are wrong, by simulation with fixed seeds. Build first (`npx tsc -b libs/statistics`), then
 * `node bench/error-rates-labels.mjs`. Prints Markdown tables; ends with code 1 when a rate exceeds its limit by more than two
 * standard errors of the simulation.
 */
import { seededRandom } from '../libs/kernel/dist/index.js';
import * as s from '../libs/statistics/dist/index.js';

const RUNS = 1_000;
const LIMIT = 0.025;
let missed = 0;
const percent = (hits) => `${((100 * hits) / RUNS).toFixed(1)} %`;
/** Share of runs with its 95 % interval; counts a miss when simulation noise cannot explain it. */
const atMost = (hits) => {
  if (hits / RUNS > LIMIT + 2 * Math.sqrt((LIMIT * (1 - LIMIT)) / RUNS)) missed++;
  const { lower, upper } = s.wilsonInterval(hits, RUNS);
  return `${percent(hits)} [${(100 * lower).toFixed(1)}, ${(100 * upper).toFixed(1)}] (at most ${100 * LIMIT} %)`;
};
const table = (title, head, rows) => {
  console.log(`\n### ${title}\n\n| ${head.join(' | ')} |\n|${head.map(() => '---').join('|')}|`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
};

/** Tasks answered twice by people whose alpha is `alpha`: each copies what is there, or answers by chance. */
function answers(random, tasks, alpha, shareOfOnes) {
  const [items, values] = [[], []];
  const draw = () => Number(random.next() < shareOfOnes);
  for (let task = 0; task < tasks; task++) {
    const truth = draw();
    for (let person = 0; person < 2; person++) {
      items.push(task);
      values.push(random.next() < Math.sqrt(alpha) ? truth : draw());
    }
  }
  return [items, values];
}

function gate(tasks, alpha, shareOfOnes) {
  const random = seededRandom(tasks);
  const hits = { pass: 0, fail: 0, inconclusive: 0, byValue: 0 };
  for (let run = 0; run < RUNS; run++) {
    const [items, values] = answers(random, tasks, alpha, shareOfOnes);
    const found = s.agreementVerdict(items, values, 0.8);
    hits[found.verdict]++;
    if (found.kind === 'measured' ? found.alpha >= 0.8 : found.reason === 'one-value') hits.byValue++;
  }
  return hits;
}

function agreement() {
  const rows = [1, 5, 10, 24, 50, 100, 400].flatMap((tasks) =>
    [0.5, 0.1].map((ones) => {
      const [at, below, above] = [0.8, 0.5, 0.95].map((alpha) => gate(tasks, alpha, ones));
      const shares = [below.byValue, at.byValue].map(percent);
      return [tasks, ones, ...shares, atMost(at.pass), atMost(at.fail), percent(below.fail), percent(above.pass)];
    }),
  );
  const head = [
    'tasks answered twice',
    'share of ones',
    'alpha 0.5: value passes',
    'alpha 0.8: value passes',
    'alpha 0.8: passes',
    'alpha 0.8: fails',
    'alpha 0.5: fails',
    'alpha 0.95: passes',
  ];
  table('Labels held against a least agreement of 0.8', head, rows);
}

/** Lower bound of Greenwood's variance on the log(-log) scale; without variance when all came. */
function greenwoodLower(came, rows) {
  if (came === 0 || came === rows) return came / rows;
  const waiting = 1 - came / rows;
  const spread = (1.959964 * Math.sqrt(came / (rows * (rows - came)))) / Math.log(waiting);
  return 1 - waiting ** Math.exp(spread);
}

function maturity() {
  const rows = [1, 10, 50, 200, 1_000].map((count) => {
    const random = seededRandom(count);
    const called = (share) => {
      let [now, before] = [0, 0];
      for (let run = 0; run < RUNS; run++) {
        const labelled = Array.from({ length: count }, () => Number(random.next() < share));
        const found = s.labelMaturity(new Float64Array(count).fill(1), labelled, { age: 1, share: 0.98 });
        if (found.mature) now++;
        if (
          greenwoodLower(
            labelled.reduce((sum, one) => sum + one, 0),
            count,
          ) >= 0.98
        )
          before++;
      }
      return { now, before };
    };
    const [at, above] = [called(0.979), called(0.999)];
    return [count, percent(at.before), atMost(at.now), percent(above.now)];
  });
  const head = [
    'outcomes waited for',
    "share 0.979: mature by Greenwood's interval",
    'share 0.979: mature',
    'share 0.999: mature',
  ];
  table('Labels called mature at a share of 0.98', head, rows);
}

agreement();
maturity();
console.log(`\n${RUNS.toLocaleString('en')} runs each. Rates above their limit: ${missed}`);
process.exitCode = missed > 0 ? 1 : 0;
