import { readFileSync, readdirSync } from 'node:fs';
import { seededRandom } from '@rondo/kernel';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { StreamStatus } from './index.js';
import * as statistics from './index.js';
import type { Checked, Estimator } from '../testing/checks/checked.js';
import { decisionChecks } from '../testing/checks/decision-checks.js';
import { driftChecks } from '../testing/checks/drift-checks.js';
import { evaluationChecks } from '../testing/checks/evaluation-checks.js';
import { firstChecks } from '../testing/checks/first-checks.js';

/** Each area adds its table here. */
const tables: readonly Checked[] = [decisionChecks, driftChecks, evaluationChecks, firstChecks];
const machines = tables.flatMap((table) => table.machines);
const detectors = tables.flatMap((table) => table.detectors);
const drawn = tables.flatMap((table) => table.estimators);

/** Estimators that no table draws input for are checked on the input of their reference cases. */
function onReferenceInput(): Estimator[] {
  const known = new Set([...drawn, ...detectors].map(({ name }) => name));
  for (const { functions } of machines) for (const name of functions) known.add(name);
  const folder = new URL('../testing/reference/', import.meta.url);
  const cases = readdirSync(folder).flatMap(
    (file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { function: string; args: unknown[] }[],
  );
  const byFunction = Object.groupBy(cases, (reference) => reference.function);
  return Object.entries(byFunction)
    .filter(([name]) => !known.has(name))
    .map(([name, references]) => ({
      name,
      args: fc.constantFrom(...new Map(references!.map(({ args }) => [JSON.stringify(args), args])).values()),
      runs: 10,
    }));
}
const estimators = [...drawn, ...onReferenceInput()];

const exported = statistics as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;
const call = ({ name }: Estimator, args: readonly unknown[]): unknown => exported[name]!(...args);

/** Where a result is not a number although it should be, or undefined. */
function wayToNaN(value: unknown, way = 'result'): string | undefined {
  if (typeof value === 'number') return Number.isNaN(value) ? way : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = wayToNaN(inner, `${way}.${key}`);
    if (found) return found;
  }
  return undefined;
}

/** Numbers to 9 digits, or to the last bit; everything else exactly. */
function alike(a: unknown, b: unknown, tolerance = 1e-9): boolean {
  if (typeof a === 'number' && typeof b === 'number')
    return Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => alike((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], tolerance))
  );
}

function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner)])) as T;
}

/** Arrays of numbers as typed arrays, at any depth. */
function typed(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.length > 0 && value.every((item) => typeof item === 'number')
      ? Float64Array.from(value as number[])
      : value.map(typed);
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, typed(inner)]));
}

describe.each(estimators.map((estimator) => [estimator.name, estimator] as const))('%s', (_, estimator) => {
  const { args: drawn, invariances = [], runs = 40 } = estimator;

  it('leaves its input as it was, answers the same again, and never NaN', () => {
    fc.assert(
      fc.property(drawn, (args) => {
        const before = copyOf(args);
        const first = call(estimator, args);
        expect(wayToNaN(first)).toBeUndefined();
        expect(alike(args, before, 0)).toBe(true);
        expect(alike(call(estimator, before), first, 0)).toBe(true);
      }),
      { numRuns: runs },
    );
  });

  it('takes typed arrays as it takes arrays', () => {
    fc.assert(
      fc.property(drawn, (args) => {
        expect(alike(call(estimator, typed(args) as unknown[]), call(estimator, args))).toBe(true);
      }),
      { numRuns: Math.min(runs, 10) },
    );
  });

  if (invariances.length > 0) {
    it.each(invariances.map((invariance) => [invariance.name, invariance] as const))(
      'knows what %s does to its answer',
      (_name, { changed, expected = (result) => result }) => {
        fc.assert(
          fc.property(drawn, fc.integer({ min: 2, max: 64 }), (args, factor) => {
            const wanted = expected(call(estimator, args), factor);
            const given = call(estimator, changed(args, factor));
            if (!alike(given, wanted))
              expect({ args, factor, result: given }).toEqual({ args, factor, result: wanted });
          }),
          { numRuns: runs },
        );
      },
    );
  }
});

describe.each(machines.map((machine) => [machine.functions.join(', '), machine] as const))('%s', (_, machine) => {
  it('goes on the same after being written and read as JSON, and leaves past states alone', () => {
    for (let seed = 0; seed < 5; seed++) {
      const [one, two] = [seededRandom(seed), seededRandom(seed)];
      let [kept, revived] = [machine.start(), machine.start()];
      for (let i = 0; i < 40; i++) {
        const past = copyOf(kept);
        const next = machine.step(kept, one);
        expect(kept).toEqual(past);
        kept = next;
        revived = machine.step(JSON.parse(JSON.stringify(revived)), two);
        expect(wayToNaN(machine.read(kept))).toBeUndefined();
      }
      expect(machine.read(revived)).toEqual(machine.read(kept));
      expect(JSON.parse(JSON.stringify(kept))).toEqual(revived);
    }
  });
});

interface Detector {
  update(value: number): StreamStatus;
  state(): object;
}
type DetectorClass = (new (rule: object) => Detector) & { from(state: object): Detector };

describe.each(detectors.flatMap(({ name, rules, value }) => rules.map((rule) => ({ name, rule, value }))))(
  '$name with $rule',
  ({ name, rule, value }) => {
    const Class = exported[name] as unknown as DetectorClass;

    it('goes on the same after being written and read as JSON at any value', () => {
      fc.assert(
        fc.property(fc.nat(10_000), fc.array(fc.nat(150), { minLength: 1, maxLength: 4 }), (seed, stops) => {
          const random = seededRandom(seed);
          const original = new Class(rule);
          let restored = new Class(rule);
          for (const [part, values] of stops.entries()) {
            for (let i = 0; i < values; i++) {
              const next = value(random, part % 2 === 0 ? 0.15 : 0.6);
              if (restored.update(next) !== original.update(next)) throw new Error(`differs at ${part}/${i}`);
            }
            restored = Class.from(JSON.parse(JSON.stringify(restored.state())) as object);
            expect(restored.state()).toEqual(original.state());
          }
        }),
        { numRuns: 20 },
      );
    });

    it('gives a copy of its state, without NaN', () => {
      const random = seededRandom(9);
      const detector = new Class(rule);
      for (let i = 0; i < 60; i++) detector.update(value(random, 0.3));
      const state = detector.state();
      const copy = copyOf(state);
      expect(wayToNaN(state)).toBeUndefined();
      for (let i = 0; i < 60; i++) detector.update(value(random, 0.8));
      expect(state).toEqual(copy);
    });
  },
);

describe('every exported function', () => {
  const elsewhere: Readonly<Record<string, string>> = {
    countedAuc: 'builds the statistic that pairedBootstrap takes; behaviour.spec.ts',
    pairedBootstrap: 'takes a function; behaviour.spec.ts',
    rollingOrigin: 'behaviour.spec.ts',
    temporalSplit: 'refusals.spec.ts, examples.spec.ts',
    expectedRowsToDetectRatio: 'sequential.spec.ts',
    expectedPairsToDetectLoss: 'sequential.spec.ts',
    forecast: 'forecast.spec.ts',
    breachSteps: 'forecast.spec.ts',
    tailsBeyond: 'part of wassersteinWithKept; monitoring.spec.ts',
    wassersteinWithKept: 'held to wasserstein1; monitoring.spec.ts',
    rowsUntil: 'takes a function; canary.spec.ts',
  };

  it('is held to these checks, or says why it is not', () => {
    const covered = new Set([
      ...estimators.map(({ name }) => name),
      ...machines.flatMap(({ functions }) => functions),
      ...detectors.map(({ name }) => name),
      ...Object.keys(elsewhere),
    ]);
    const functions = Object.keys(exported).filter((name) => typeof exported[name] === 'function');
    expect(functions.filter((name) => !covered.has(name))).toEqual([]);
    expect([...covered].filter((name) => !functions.includes(name))).toEqual([]);
  });
});
