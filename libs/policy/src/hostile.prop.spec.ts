import { describe, expect, it } from '@jest/globals';
import { PermanentError } from '@rondo/kernel';
import fc from 'fast-check';
import { admitPipeline, filesNamedBy } from './admit.js';
import { compileExpression, expressionProblem } from './expression/compile.js';
import { exampleFiles, exampleText } from './example.fixture.js';

/** Sources of the grammar, typed loosely: most are refused by the checker, the others must evaluate. */
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(
      'drift.rows',
      'drift.importanceWeighted',
      'drift.importanceWeightedLower',
      'champion.exists',
      'drift.state',
    ),
    fc.constantFrom('true', '1', '2.5', '0', '"clear"', 'has(drift.importanceWeightedLower)'),
    fc
      .tuple(
        tie('expression'),
        fc.constantFrom('&&', '||', '==', '!=', '<', '>=', '+', '-', '*', '/', '%'),
        tie('expression'),
      )
      .map(([a, operator, b]) => `(${a} ${operator} ${b})`),
    tie('expression').map((a) => `!${a}`),
    tie('expression').map((a) => `double(${a})`),
    fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    fc.tuple(tie('expression'), tie('expression'), tie('expression')).map(([a, b, c]) => `(${a} in [${b}, ${c}])`),
  ),
}));
const values = {
  drift: { state: 'clear', featuresDetected: 0, importanceWeighted: 0.5, importanceWeightedLower: undefined, rows: 7 },
  champion: { exists: true, version: 1, ageDays: 1 },
};

describe('hostile input', () => {
  it('any text is admitted or refused with problems, never an exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (document) => {
        const admission = admitPipeline({ document, files: {} });
        expect(admission.ok || admission.problems.length > 0).toBe(true);
        filesNamedBy(document);
      }),
      { numRuns: 300 },
    );
  });

  it('any value in place of a block is refused with a place inside the text', () => {
    const lines = exampleText.split('\n').length;
    const blocks = [...exampleText.matchAll(/^ {2}(\w+):.*$/gm)].map((match) => match[1] as string);
    fc.assert(
      fc.property(fc.constantFrom(...blocks), fc.jsonValue({ maxDepth: 3 }), (block, value) => {
        const json = JSON.stringify(value);
        const document = exampleText.replace(
          new RegExp(`^  ${block}:.*$`, 'm'),
          () => `  ${block}: ${json}\n  ignored:`,
        );
        const admission = admitPipeline({ document, files: exampleFiles });
        if (admission.ok) return;
        for (const { line, column } of admission.problems) {
          expect(line).toBeGreaterThan(0);
          expect(line).toBeLessThanOrEqual(lines + 1);
          expect(column).toBeGreaterThan(0);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('any expression is refused, or gives a bool, or says why it cannot', () => {
    let admitted = 0;
    fc.assert(
      fc.property(expression, (source) => {
        if (expressionProblem(source, 'trigger.drift')) return;
        admitted++;
        try {
          expect(typeof compileExpression(source, 'trigger.drift').evaluate(values).value).toBe('boolean');
        } catch (error) {
          expect(error).toBeInstanceOf(PermanentError);
          // What the checker admits can fail by arithmetic alone, never by a missing or ill-typed value.
          expect(String(error)).not.toMatch(/absent|no such overload|unresolved/);
        }
      }),
      { numRuns: 6_000 },
    );
    expect(admitted).toBeGreaterThan(300);
  });
});
