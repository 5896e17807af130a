import { type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { createValidator } from '@bufbuild/protovalidate';
import { registry } from './registry.js';

const validator = createValidator({ registry });

/** One broken shape rule. */
export interface ShapeViolation {
  /** Path inside the message, for example `data_interval.start`. */
  readonly field: string;
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
  return result.violations.map((violation) => ({
    field: violation.field.map((part) => ('name' in part ? part.name : 'index' in part ? `[${String(part.index)}]` : '')).join('.'),
    message: violation.message,
    rule: violation.ruleId,
  }));
}
