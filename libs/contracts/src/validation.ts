import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { pathToString, type Path } from '@bufbuild/protobuf/reflect';
import { createValidator } from '@bufbuild/protovalidate';
import { registry } from './registry.js';

const patterns = new Map<string, RegExp>();

/** The patterns are those of our own .proto files, written for RE2 and JavaScript alike; RE2 in JavaScript is 25 times slower. */
function matches(pattern: string, text: string): boolean {
  let compiled = patterns.get(pattern);
  if (!compiled) patterns.set(pattern, (compiled = new RegExp(pattern)));
  return compiled.test(text);
}

const validator = createValidator({ registry, regexMatch: matches });

/** One broken shape rule. */
export interface ShapeViolation {
  /** Path inside the message, for example `data_interval.start` or `splits[1].name`; empty when the rule is the message's. */
  readonly field: string;
  /** What stands there; absent unless it is a text, a number or a truth value. */
  readonly value?: string | number | bigint | boolean;
  readonly message: string;
  readonly rule: string;
}

/**
 * Checks the rules written in the .proto file.
 * @returns the violations, empty when valid
 * @throws when a rule itself cannot be evaluated: our defect, not the sender's
 */
export function shapeViolations<D extends DescMessage>(schema: D, message: MessageShape<D>): ShapeViolation[] {
  const result = validator.validate(schema, message);
  if (result.kind === 'valid') return [];
  if (result.kind === 'error') throw result.error;
  return result.violations.map(({ field, message: text, ruleId: rule }) => {
    const value = valueAt(message, field);
    const plain =
      typeof value === 'object' || value === undefined ? {} : { value: value as ShapeViolation['value'] & {} };
    return { field: pathToString(field), ...plain, message: text, rule };
  });
}

/**
 * Makes the rules of a type ready before its first message comes, which otherwise holds up the event loop: up to 80 ms for the first
 * type of a process, a few ms for each one after it.
 * @throws when a rule cannot be evaluated
 */
export function prepareShapeRules(schema: DescMessage): void {
  shapeViolations(schema, create(schema));
}

function valueAt(message: object, path: Path): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<string, unknown>)[keyOf(part)], message);
}

function keyOf(part: Path[number]): string {
  if (part.kind === 'list_sub') return String(part.index);
  if (part.kind === 'map_sub') return String(part.key);
  return part.kind === 'extension' ? part.typeName : part.localName;
}
