import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import * as statistics from './index.js';

const folder = new URL('.', import.meta.url);
const exported = statistics as unknown as Record<string, unknown>;
const evaluate = (expression: string): unknown =>
  new Function(...Object.keys(exported), `return (${expression});`)(...Object.values(exported));

interface Example {
  readonly call: string;
  readonly result: string;
}

const examples: Example[] = readdirSync(folder)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
  .flatMap((name) => [...readFileSync(new URL(name, folder), 'utf8').matchAll(/@example (.+) \/\/ => (.+)$/gm)])
  .map((match) => ({ call: match[1]!, result: match[2]! }));

/** Documented numbers are rounded to six decimals; objects may be documented in part. */
function expectLike(actual: unknown, documented: unknown): void {
  if (typeof documented === 'number') expect(Math.abs((actual as number) - documented)).toBeLessThan(2e-6);
  else if (Array.isArray(documented)) {
    expect(actual).toHaveLength(documented.length);
    documented.forEach((value, i) => expectLike((actual as unknown[])[i], value));
  } else if (typeof documented === 'object' && documented !== null) {
    for (const [key, value] of Object.entries(documented)) expectLike((actual as Record<string, unknown>)[key], value);
  } else expect(actual).toEqual(documented);
}

describe('the documented examples', () => {
  it.each(examples)('$call gives what its doc comment says', ({ call, result }) => {
    expectLike(evaluate(call), evaluate(result));
  });

  it('exist for every exported function', () => {
    const functions = Object.keys(exported).filter((name) => typeof exported[name] === 'function');
    expect(functions.filter((name) => !examples.some(({ call }) => call.includes(`${name}(`)))).toEqual([]);
  });
});
