#!/usr/bin/env node
/**
 * What the drift monitor's rule makes of seasons, simulated through the very functions the service uses.
 * Weekly batches of 2,000 rows over four years: two features follow the year (with weather of its own each week), two do not; the
 * champion knows the first half-year, from the middle of the third on the half-year before that. Detections, as the service makes
 * them (two of three batches), with the rule's season and without it; and of a shift of 0.8 standard deviations of one seasonal
 * feature, begun in any season of the fourth year: a warm season that is warmer, a cold one that is colder.
 * Build first (`npm run build`), then `node bench/error-rates-seasons.mjs [--worlds 26]`. Prints a markdown table. Seeds are fixed.
 */
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '@rondo/kernel';
import { normalQuantile, wilsonInterval } from '@rondo/statistics';

const { values } = parseArgs({ options: { worlds: { type: 'string', default: '26' } } });
const repeats = Number(values.worlds);
const root = fileURLToPath(new URL('..', import.meta.url));
const inside = (path) => import(join(root, 'apps/drift-monitor/dist/domain', path));
const { calculated } = await inside('calculation.js');
const { profileOf, sortedFeature } = await inside('reference-profile.js');
const { judgeBatch, startFalseAlarms, withLook, withPersistence } = await inside('drift-evaluation.js');
const { seasonRanges } = await inside('season.js');

const percent = (hits, of) => `${((100 * hits) / of).toFixed(1)} %`;
const interval = (hits, of) => {
  const { lower, upper } = wilsonInterval(hits, of);
  return `${(100 * lower).toFixed(1)} to ${(100 * upper).toFixed(1)} %`;
};

const week = 7 * 86_400_000;
const season = { periodMs: 365 * 86_400_000, withinMs: 15 * 86_400_000, minWindows: 3 };
const rule = {
  minRows: 1000,
  falseDiscoveryRate: 0.01,
  psiFloorLevel: 0.99,
  suspectedPsi: 0.1,
  detectedPsi: 0.25,
  persistence: { breaches: 2, outOf: 3 },
  season,
};
const [known, weeks, change] = [55, 52 * 4, 130];
const warmth = (w) => Math.sin((2 * Math.PI * w * week) / season.periodMs);
const sources = [
  (random, w, weather) => normalQuantile(random.next()) + 0.8 * warmth(w) + weather,
  (random, w) => (random.next() < 0.3 + 0.2 * warmth(w) ? 1 : 0),
  (random) => normalQuantile(random.next()),
  (random) => Math.floor(7 * random.next()),
];
const column = (random, i, w, rows, lift = 0) => {
  const weather = 0.1 * normalQuantile(random.next()) + lift;
  return Float32Array.from({ length: rows }, () => sources[i](random, w, weather));
};
const championOf = (random, first) =>
  sources.map((_, i) => {
    const all = Array.from({ length: 26 }, (_, w) => [...column(random, i, first + w, 500)]).flat();
    return profileOf(sortedFeature(`f${i}`, Float32Array.from(all)));
  });
const found = { weeks: 0, fixed: 0, season: 0, years: 0, yearsFixed: 0, yearsSeason: 0, shifts: 0, at3: 0 };
for (let repeat = 0; repeat < repeats; repeat++) {
  const random = seededRandom(400 + repeat);
  const champions = [championOf(random, 0), championOf(random, change - 26)];
  const kept = [];
  const compared = (w, lift) => {
    const atMs = w * week;
    const ranges = seasonRanges(atMs, season);
    const peers = kept.filter((one) => ranges.some(({ fromMs, toMs }) => one.atMs >= fromMs && one.atMs <= toMs));
    const done = sources.map((_, i) =>
      calculated({
        kind: 'compareInSeason',
        profile: champions[w < change ? 0 : 1][i],
        column: column(random, i, w, 2_000, i === 0 ? lift : 0),
        rule,
        season,
        atMs,
        past: peers.map((one) => ({ atMs: one.atMs, profile: one.features[i] })),
      }),
    );
    return { atMs, features: done.map((one) => one.kept), comparisons: done.map((one) => one.comparison) };
  };
  const judged = (all, strip) => {
    let [tracker, ledger] = [undefined, startFalseAlarms()];
    return all.map(({ comparisons }) => {
      const given = strip ? comparisons.map(({ season: _unknown, ...rest }) => rest) : comparisons;
      const batch = judgeBatch(given, [], 2_000, rule, ledger);
      ledger = withLook(ledger, batch.state);
      const now = withPersistence(tracker, batch.state, rule);
      tracker = now.tracker;
      return now.state === 'detected';
    });
  };
  for (let w = 0; w < weeks; w++) kept.push(compared(w, 0));
  const [fixed, aware] = [judged(kept, true), judged(kept, false)];
  for (let from = known; from < weeks; from += 51) {
    found.years++;
    if (fixed.slice(from, from + 51).includes(true)) found.yearsFixed++;
    if (aware.slice(from, from + 51).includes(true)) found.yearsSeason++;
  }
  found.weeks += weeks - known;
  found.fixed += fixed.slice(known).filter(Boolean).length;
  found.season += aware.slice(known).filter(Boolean).length;
  for (let since = 156; since + 3 <= weeks; since += 8) {
    const shifted = [0, 1, 2].map((later) => compared(since + later, warmth(since) > 0 ? 0.8 : -0.8));
    found.shifts++;
    if (
      judged([...kept.slice(0, since), ...shifted], false)
        .slice(since)
        .includes(true)
    )
      found.at3++;
  }
}
console.log('| | without a season | with its season |\n|---|---|---|');
console.log(
  `| weeks in the state detected, from the second year on | ${percent(found.fixed, found.weeks)} | ${percent(found.season, found.weeks)} (${interval(found.season, found.weeks)}) |`,
);
console.log(
  `| years in which a cycle would start | ${found.yearsFixed} of ${found.years} | ${found.yearsSeason} of ${found.years} (${interval(found.yearsSeason, found.years)}) |`,
);
console.log(
  `| a lasting shift of 0.8 sd detected within 3 batches | | ${percent(found.at3, found.shifts)} (${interval(found.at3, found.shifts)}) |`,
);
