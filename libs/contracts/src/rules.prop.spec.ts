import { create, type DescField, type DescMessage, getOption, hasOption, type Message } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { field as rulesOf, Ignore, type StringRules } from './gen/buf/validate/validate_pb.js';
import { protoFiles } from './files.js';
import { allServices, shapeViolations } from './index.js';

const requests = allServices().flatMap(({ methods }) => methods.map(({ input }) => input));
const onTheBus = protoFiles.filter(({ name }) => /\/(events|commands)$/.test(name)).flatMap(({ messages }) => messages);

/** A value that breaks a rule of the field, and the rule. */
type Breach = { readonly value: unknown; readonly rule: string };

const printable = fc.string({ unit: 'grapheme', maxLength: 80 });

/** Values that break the rules of a text: of another form, too short, too long, not on the list. */
function brokenTexts(rules: StringRules, ignoresEmpty: boolean): fc.Arbitrary<Breach>[] {
  const breach = (rule: string, value: fc.Arbitrary<string>): fc.Arbitrary<Breach> =>
    value.map((text) => ({ value: text, rule }));
  const nonEmpty = (text: string): boolean => !ignoresEmpty || text !== '';
  return [
    ...(rules.pattern === ''
      ? []
      : [
          breach(
            'string.pattern',
            printable.filter((text) => nonEmpty(text) && !new RegExp(rules.pattern).test(text)),
          ),
        ]),
    ...(rules.in.length === 0
      ? []
      : [
          breach(
            'string.in',
            printable.filter((text) => nonEmpty(text) && !rules.in.includes(text)),
          ),
        ]),
    ...(rules.maxLen === 0n
      ? []
      : [
          breach(
            'string.max_len',
            fc.integer({ min: 1, max: 50 }).map((more) => 'x'.repeat(Number(rules.maxLen) + more)),
          ),
        ]),
    ...(rules.minLen === 0n
      ? []
      : [
          breach(
            'string.min_len',
            fc.integer({ min: 0, max: Number(rules.minLen) - 1 }).map((length) => 'x'.repeat(length)),
          ),
        ]),
  ];
}

/** Numbers beyond the bounds of the field; the rule's name ends in the side that is crossed, or holds both. */
function brokenNumbers(kind: string, rules: object): fc.Arbitrary<Breach>[] {
  const { greaterThan, lessThan } = rules as { greaterThan: Bound; lessThan: Bound };
  const sides = [greaterThan.case, lessThan.case].filter((side) => side !== undefined).join('_');
  const beyond = (bound: Bound, sign: 1 | -1): fc.Arbitrary<Breach>[] =>
    bound.case === undefined
      ? []
      : [
          fc.integer({ min: 1, max: 1_000_000 }).map((by) => {
            const away = Number(bound.value) + sign * by;
            return { value: typeof bound.value === 'bigint' ? BigInt(away) : away, rule: `${kind}.${sides}` };
          }),
        ];
  // An unsigned number has nothing below its bound of zero.
  return [...(kind.startsWith('u') ? [] : beyond(greaterThan, -1)), ...beyond(lessThan, 1)];
}

type Bound = { readonly case: 'gt' | 'gte' | 'lt' | 'lte' | undefined; readonly value?: number | bigint };

function broken(field: DescField): fc.Arbitrary<Breach>[] {
  if (!hasOption(field, rulesOf)) return [];
  const { type, required, ignore } = getOption(field, rulesOf);
  if (field.fieldKind === 'message') return required ? [fc.constant({ value: undefined, rule: 'required' })] : [];
  if (type.case === 'string') {
    // `uuid` is a form with a rule of its own.
    if (type.value.wellKnown.case === 'uuid')
      return [printable.filter((text) => text !== '').map((value) => ({ value, rule: 'string.uuid' }))];
    return brokenTexts(type.value, ignore === Ignore.IF_ZERO_VALUE);
  }
  if (type.case === 'enum')
    return [fc.integer({ min: 100, max: 1_000 }).map((value) => ({ value, rule: 'enum.defined_only' }))];
  if (type.value !== undefined && 'greaterThan' in type.value) return brokenNumbers(type.case, type.value);
  return [];
}

const cases = [...new Set([...requests, ...onTheBus])].flatMap((message) =>
  message.fields.flatMap((field) => {
    const breaches = broken(field);
    return breaches.length === 0 ? [] : [{ message, field, breach: fc.oneof(...breaches) }];
  }),
);

describe('random messages that break a rule', () => {
  it('are refused with the field, the value and the rule', () => {
    expect(cases.length).toBeGreaterThan(250);
    for (const { message, field, breach } of cases)
      fc.assert(
        fc.property(breach, ({ value, rule }) => {
          const found = violationsOf(message, field, value).find(
            (violation) => violation.field === field.name && violation.rule === rule,
          );
          expect([message.typeName, field.name, rule, found?.value]).toEqual([
            message.typeName,
            field.name,
            rule,
            value,
          ]);
          expect(found?.message).not.toBe('');
        }),
        { numRuns: 20 },
      );
  });

  it('are refused where a rule is broken deep inside', () => {
    const rows = (scores: number[]) => ({
      keys: ['a', 'b'],
      servedByCandidate: [false, true],
      championScores: scores,
      candidateScores: [0, 1],
    });
    const predictions = onTheBus.find(({ name }) => name === 'PredictionsLogged')!;
    fc.assert(
      fc.property(
        fc.array(fc.float(), { maxLength: 5 }).filter(({ length }) => length !== 2),
        (scores) => {
          expect(shapeViolations(predictions, create(predictions, rows(scores))).map(({ rule }) => rule)).toContain(
            'parallel_columns',
          );
        },
      ),
    );
    const trained = onTheBus.find(({ name }) => name === 'TrainCandidate')!;
    const message = create(trained, { splits: [{ name: 'train' }, { name: 'holdout' }] } as never);
    expect(shapeViolations(trained, message)).toContainEqual({
      field: 'splits[1].name',
      value: 'holdout',
      message: expect.any(String),
      rule: 'string.in',
    });
  });
});

function violationsOf(schema: DescMessage, field: DescField, value: unknown) {
  return shapeViolations(schema, create(schema, { [field.localName]: value } as never) as Message);
}
