import { describe, expect, it } from '@jest/globals';
import { PermanentError } from '@rondo/kernel';
import { CONTEXTS, type ContextName, type FieldType } from './contexts.js';
import { compileExpression, expressionProblem } from './compile.js';

const champion = { exists: true, version: 3, ageDays: 12.5 };
const batch = { batch: { rows: 10, labeledRows: 9 }, data: { readyRows: 400_000 }, champion };
const drift = {
  drift: { state: 'detected', featuresDetected: 2, importanceWeighted: 0.3, importanceWeightedLower: 0.1, rows: 500 },
  champion,
};

describe('an expression', () => {
  it('gives its value and the variables it read', () => {
    const expression = compileExpression('!champion.exists && data.readyRows >= 400000', 'trigger.batch');
    const bootstrap = { ...batch, champion: { exists: false, version: 0, ageDays: 0 } };
    expect(expression.evaluate(bootstrap)).toEqual({
      value: true,
      read: { 'champion.exists': false, 'data.readyRows': 400_000 },
    });
    expect(expression.paths).toEqual(['champion.exists', 'data.readyRows']);
  });

  it('does not list a variable behind a decided side', () => {
    const expression = compileExpression('!champion.exists && data.readyRows >= 400000', 'trigger.batch');
    expect(expression.evaluate(batch)).toEqual({ value: false, read: { 'champion.exists': true } });
  });

  it.each<[string, boolean]>([
    ['drift.importanceWeighted > 0.2 && drift.rows > 100', true],
    ['drift.importanceWeighted > 1', false],
    ['double(drift.rows) * 0.5 >= 250.0', true],
    ['drift.rows / 2 == 250 && drift.rows % 7 == 3', true],
    ['-drift.rows < 0', true],
    ['drift.state in ["suspected", "detected"]', true],
    ['drift.state != "clear" ? drift.rows > 1 : false', true],
    ['has(drift.importanceWeightedLower) && drift.importanceWeightedLower > 0.05', true],
    ['!has(drift.importanceWeightedLower) || drift.importanceWeightedLower > 0.5', false],
    ['has(drift.importanceWeightedLower) ? drift.importanceWeightedLower > 0.5 : true', false],
    ['!(!has(drift.importanceWeightedLower)) && drift.rows > 0 && drift.importanceWeightedLower > 0.0', true],
    ['drift.state.startsWith("det") && size(drift.state) == 8', true],
    ['1.0 / (drift.importanceWeighted - drift.importanceWeighted) > 5.0', true],
  ])('%s is %s', (source, value) => {
    expect(compileExpression(source, 'trigger.drift').evaluate(drift).value).toBe(value);
  });

  it('treats an absent optional value as its guard says', () => {
    const without = { ...drift, drift: { ...drift.drift, importanceWeightedLower: undefined } };
    const expression = compileExpression(
      'has(drift.importanceWeightedLower) && drift.importanceWeightedLower > 0.05',
      'trigger.drift',
    );
    expect(expression.evaluate(without)).toEqual({ value: false, read: {} });
  });

  it.each<[string, number, string]>([
    ['drift.stat == "clear"', 1, 'drift has no field stat, did you mean state?'],
    ['true && drif.rows > 1', 9, 'there is no variable drif, did you mean drift?'],
    ['drift.rows', 1, 'gives an int'],
    ['drift.rows + 0.5 > 1.0', 12, 'int with double'],
    ['drift.state > 3', 13, 'cannot compare string with int'],
    ['drift.state == "cleer"', 16, '"cleer" never occurs, did you mean clear?'],
    ['drift.state in ["clear", "gone"]', 26, '"gone" never occurs'],
    ['drift.importanceWeightedLower > 0.1', 1, 'may be absent'],
    ['has(drift.importanceWeightedLower) || drift.importanceWeightedLower > 0.1', 39, 'may be absent'],
    ['has(drift.rows)', 5, 'always present'],
    ['drift.rows / champion.version > 1', 14, 'divided by a literal'],
    ['drift.rows / 0 > 1', 14, 'divided by a literal'],
    ['[1, 2].all(x, x > 0)', 7, 'not available'],
    ['[1, 2] == [1, 2]', 1, 'a list can only stand'],
    ['{"a": 1}.a == 1', 1, 'maps and messages'],
    ['drift.rows.foo > 1', 1, 'has no fields'],
    ['drift == drift', 1, 'is a group'],
    ['matches(drift.state, "(a+)+")', 1, 'there is no matches'],
    ['drift.constructor == 1', 1, 'no field constructor'],
    ['__proto__.x', 1, 'no variable __proto__'],
    ['1 + * 2 > 1', 3, 'syntax error'],
    ['drift.rows > 1 ? 1 : 2.0', 1, 'one type'],
    ['1u < 2u', 1, 'only numbers'],
    ['!drift.rows', 2, 'needs a bool'],
  ])('refuses %s at column %d', (source, column, message) => {
    const problem = expressionProblem(source, 'trigger.drift');
    expect(problem?.message).toContain(message);
    expect(problem?.column).toBe(column);
  });

  it('refuses what is too long, too big or too deep without trying it', () => {
    expect(expressionProblem(`true ${'&& true '.repeat(200)}`, 'gate')?.message).toContain('characters');
    expect(expressionProblem(Array(120).fill('1==1').join('&&').slice(0, 999), 'gate')?.message).toContain(
      'more than 200 parts',
    );
    for (const [open, close] of ['()', '[]', '{}'])
      expect(expressionProblem(`${open?.repeat(490)}1${close?.repeat(490)}`, 'gate')?.message).toContain(
        'nested deeper',
      );
    expect(expressionProblem(`${'!-'.repeat(450)}true`, 'gate')?.message).toMatch(/syntax error|more than 200/);
    expect(expressionProblem(`${'('.repeat(32)}true${')'.repeat(32)}`, 'gate')).toBeUndefined();
  });

  it('names a value that is missing, not finite or of another type', () => {
    const expression = compileExpression('drift.rows > 1', 'trigger.drift');
    for (const rows of [undefined, Number.NaN, 1.5, 'many', Infinity]) {
      const evaluate = (): unknown => expression.evaluate({ drift: { ...drift.drift, rows } });
      expect(evaluate).toThrow(PermanentError);
      expect(evaluate).toThrow(/drift\.rows/);
    }
  });

  it('reports integer overflow instead of a value', () => {
    const expression = compileExpression('drift.rows * drift.rows * drift.rows > 1', 'trigger.drift');
    expect(() => expression.evaluate({ drift: { ...drift.drift, rows: 9_007_199_254_740_991 } })).toThrow(
      /could not be evaluated/,
    );
  });

  it('throws invalid with the column when compiled directly', () => {
    expect(() => compileExpression('nope', 'gate')).toThrow(/column 1/);
  });
});

describe('every field of every context', () => {
  const fields = Object.entries(CONTEXTS).flatMap(([context, groups]) =>
    Object.entries<Readonly<Record<string, FieldType>>>(groups).flatMap(([group, members]) =>
      Object.entries(members).map(([name, field]) => ({ context, group, name, field })),
    ),
  );
  it.each(fields)('$context: $group.$name is read with its declared type', ({ context, group, name, field }) => {
    const path = `${group}.${name}`;
    const sample = { double: 1.5, int: 2, bool: true, string: field.values?.[0] ?? 'a' }[field.type as 'int'];
    const literal = typeof sample === 'string' ? JSON.stringify(sample) : String(sample);
    const guard = field.optional ? `has(${path}) && ` : '';
    const expression = compileExpression(`${guard}${path} == ${literal}`, context as ContextName);
    expect(expression.evaluate({ [group]: { [name]: sample } })).toEqual({ value: true, read: { [path]: sample } });
  });
});
