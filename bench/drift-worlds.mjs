/**
 * Features without drift for the benches of the drift rule: how they are distributed, samples of them, and the service's own
 * functions over such samples. A sample is drawn row by row, or, where its rows are too many, as counts of its cells.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@rondo/kernel';
import { countCells, normalQuantile as exactNormalQuantile, wilsonInterval } from '@rondo/statistics';
import { zipf } from './draws.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const inside = (path) => import(join(root, 'apps/drift-monitor/dist', path));
const { profileOf, breaksOf } = await inside('domain/reference-profile.js');
const { compareFeature } = await inside('domain/feature-comparison.js');

/** A policy that wants to hear of small shifts: 0.2 standard deviations are a PSI of 0.04. */
export const SENSITIVE = {
  minRows: 100,
  falseDiscoveryRate: 0.01,
  psiFloorLevel: 0.99,
  suspectedPsi: 0.01,
  detectedPsi: 0.01,
  persistence: { breaches: 1, outOf: 1 },
};
export const USUAL = { ...SENSITIVE, minRows: 1000, suspectedPsi: 0.1, detectedPsi: 0.25 };
export const LOOKS = 365;

const QUANTILES = Float64Array.from({ length: 20_001 }, (_, i) =>
  exactNormalQuantile(Math.min(1 - 1e-6, Math.max(1e-6, i / 20_000))),
);
const normalQuantile = (u) => {
  const at = u * 20_000;
  const low = Math.min(19_999, Math.floor(at));
  return QUANTILES[low] + (at - low) * (QUANTILES[low + 1] - QUANTILES[low]);
};
/** The inverse distribution function of categories 0, 1, … */
export const stepwise = (shares) => {
  const upTo = [];
  shares.reduce((sum, share, i) => (upTo[i] = sum + share), 0);
  return (u) => {
    let low = 0;
    let high = upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (upTo[middle] < u) low = middle + 1;
      else high = middle;
    }
    return low;
  };
};

/** Name, inverse distribution function, share of missing values: smooth, tied, mostly zero, categories; some with gaps. */
export const kinds = [
  ['normal', normalQuantile, 0],
  ['rounded to 30 values', (u) => Math.round(5 * normalQuantile(u)), 0],
  ['70 % zeros', (u) => (u < 0.7 ? 0 : -Math.log((1 - u) / 0.3)), 0],
  ['Zipf, 20 categories', stepwise(zipf(20)), 0],
  ['Zipf, 200 categories', stepwise(zipf(200)), 0],
  ['two values, 2 %', (u) => (u < 0.98 ? 0 : 1), 0],
  ['normal, 10 % missing', normalQuantile, 0.1],
];
export const features = Array.from({ length: 30 }, (_, i) => kinds[i % kinds.length]);

/** n ascending draws in O(n): uniform order statistics from exponential spacings. */
export function draw(random, n, [name, quantile, missing], shift = 0) {
  let present = n;
  if (missing > 0) for (let i = 0; i < n; i++) if (random.next() < missing) present--;
  const sums = new Float64Array(present + 1);
  let sum = 0;
  for (let i = 0; i <= present; i++) sums[i] = sum -= Math.log(1 - random.next());
  const drawn = new Float32Array(present);
  for (let i = 0; i < present; i++) drawn[i] = quantile(sums[i] / sum) + shift;
  return { feature: name, values: drawn, nulls: n - present };
}

/** What the service keeps of a reference. */
export const keep = (drawn) => {
  const profile = profileOf(drawn);
  return { profile, among: breaksOf(profile) };
};
/** A batch's cells among the breaks of a reference. */
export const cellsAmong = ({ breaks }, { values, nulls }) => ({ ...countCells(values, breaks), missing: nulls });
export const compare = ({ profile, among }, drawn, rule) =>
  compareFeature(profile, among, cellsAmong(among, drawn), rule);

/** The reference of a feature with few values, from its counts. */
export const categoryReference = (counts) => {
  const profile = {
    kind: 'category',
    feature: 'x',
    rows: counts.reduce((sum, count) => sum + count, 0),
    nulls: 0,
    values: counts.map((_, i) => i),
    counts,
  };
  return { profile, among: breaksOf(profile) };
};
/** A batch of such a feature. */
export const categoryCells = (at) => ({
  at,
  between: Array(at.length + 1).fill(0),
  rows: at.reduce((sum, count) => sum + count, 0),
  missing: 0,
});

/** Looks at the features without drift, drawn once for all repetitions: they matter to a shifted one by what they leave of the level. */
export function quietLooks(others, n, m, looks) {
  const random = seededRandom(80_000);
  const references = others.map((kind) => keep(draw(random, m, kind)));
  return Array.from({ length: looks }, () =>
    references.map((reference, i) => compare(reference, draw(random, n, others[i]), SENSITIVE)),
  );
}

export const count = (value) => value.toLocaleString('en');
export const percent = (hits, of) => `${((100 * hits) / of).toFixed(1)} %`;
export const interval = (hits, of) => {
  const { lower, upper } = wilsonInterval(hits, of);
  return `${(100 * lower).toFixed(1)} to ${(100 * upper).toFixed(1)} %`;
};
