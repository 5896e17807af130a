import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as s from './index.js';

/** Labels of up to five annotators on up to twelve items. */
const labels = fc.array(
  fc.record({
    item: fc.integer({ min: 0, max: 11 }),
    annotator: fc.integer({ min: 0, max: 4 }),
    value: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 60 },
);
const columns = (rows: readonly { item: number; annotator: number; value: number }[]) => ({
  items: rows.map(({ item }) => item),
  annotators: rows.map(({ annotator }) => annotator),
  values: rows.map(({ value }) => value),
});
const levels = ['nominal', 'ordinal', 'interval', 'ratio'] as const;
const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });

/** Every number anywhere in a result. */
const numbersIn = (value: unknown): number[] =>
  typeof value === 'number'
    ? [value]
    : ArrayBuffer.isView(value)
      ? Array.from(value as unknown as ArrayLike<number>)
      : typeof value === 'object' && value !== null
        ? Object.values(value).flatMap(numbersIn)
        : [];

const close = (actual: unknown, expected: unknown): void => {
  const [a, b] = [numbersIn(actual), numbersIn(expected)];
  expect(a).toHaveLength(b.length);
  a.forEach((value, i) => expect(Math.abs(value - b[i]!)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(b[i]!))));
};

describe('statistics of labels', () => {
  it('hold no NaN, leave their input alone and repeat themselves', () => {
    fc.assert(
      fc.property(labels, (rows) => {
        const { items, annotators, values } = columns(rows);
        const before = JSON.stringify({ items, annotators, values });
        const all = () => [
          ...levels.map((level) => s.krippendorffInterval(items, values, level)),
          s.gwetAgreement(items, values, { weights: 'quadratic' }),
          s.fleissKappa(items, values),
          s.dawidSkene({ items, annotators, values }),
          s.inferTruth({ items, annotators, values }),
        ];
        const results = all();
        expect(numbersIn(results).some(Number.isNaN)).toBe(false);
        expect(JSON.stringify({ items, annotators, values })).toBe(before);
        expect(all()).toEqual(results);
      }),
      { numRuns: 150 },
    );
  });

  it('do not depend on the order of the labels', () => {
    fc.assert(
      fc.property(labels, (rows) => {
        const [a, b] = [columns(rows), columns([...rows].reverse())];
        close(s.gwetAgreement(b.items, b.values), s.gwetAgreement(a.items, a.values));
        close(
          s.krippendorffInterval(b.items, b.values, 'ordinal'),
          s.krippendorffInterval(a.items, a.values, 'ordinal'),
        );
        close(
          s.fleissKappa(b.items, b.values, { weights: 'linear' }),
          s.fleissKappa(a.items, a.values, { weights: 'linear' }),
        );
      }),
    );
  });

  it('of names do not depend on what the names are', () => {
    fc.assert(
      fc.property(labels, (rows) => {
        const { items, values } = columns(rows);
        const renamed = values.map((value) => [17, -3, 0.5, 1e9][value]!);
        close(s.krippendorffAlpha(items, renamed, 'nominal'), s.krippendorffAlpha(items, values, 'nominal'));
        close(s.gwetAgreement(items, renamed), s.gwetAgreement(items, values));
      }),
    );
  });

  it('measured on interval level do not depend on unit and origin', () => {
    fc.assert(
      fc.property(labels, (rows) => {
        const { items, values } = columns(rows);
        const moved = values.map((value) => 3 * value - 7);
        close(s.krippendorffAlpha(items, moved, 'interval'), s.krippendorffAlpha(items, values, 'interval'));
      }),
    );
  });
});

describe('statistics of canaries and series', () => {
  it('hold no NaN, leave their input alone and repeat themselves', () => {
    fc.assert(
      fc.property(
        fc.array(finite, { minLength: 1, maxLength: 80 }),
        fc.array(finite, { minLength: 1, maxLength: 80 }),
        (a, b) => {
          const before = JSON.stringify([a, b]);
          const n = Math.min(a.length, b.length);
          const all = () => [
            s.kayentaJudge({ baseline: a, canary: b }),
            s.seriesDifference(a.slice(0, n), b.slice(0, n)),
            s.autocorrelationTime(a),
            s.lastChangePoint(a),
            s.forecast(a, { horizon: 2, seasonLength: 4 }),
            s.quantileConfidenceSequence(
              [...a].sort((x, y) => x - y),
              { probability: 0.9 },
            ),
          ];
          const results = all();
          expect(numbersIn(results).some(Number.isNaN)).toBe(false);
          expect(JSON.stringify([a, b])).toBe(before);
          expect(all()).toEqual(results);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('never call evidence non-inferior that is scarce, immature or above the margin', () => {
    const look = fc.record({
      samples: fc.integer({ min: 0, max: 2_000 }),
      minSamples: fc.integer({ min: 1, max: 1_000 }),
      margin: fc.double({ min: 0, max: 1, noNaN: true }),
      lower: fc.double({ min: -1, max: 1, noNaN: true }),
      width: fc.double({ min: 0, max: 1, noNaN: true }),
      harmShown: fc.boolean(),
      labelsMature: fc.boolean(),
    });
    fc.assert(
      fc.property(look, ({ lower, width, ...rest }) => {
        const harm = { lower, upper: lower + width };
        const { verdict, moreNeeded } = s.sequentialVerdict({ ...rest, harm });
        const allowed = rest.samples >= rest.minSamples && rest.labelsMature && harm.upper < rest.margin;
        expect(verdict === 'non-inferior').toBe(allowed);
        if (verdict !== 'inconclusive') expect(moreNeeded).toBe(0);
        expect(s.sequentialVerdict(rest).verdict).not.toBe('non-inferior');
      }),
    );
  });
});
