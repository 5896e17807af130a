import { PermanentError } from '@rondo/kernel';

const LONGEST_NAME = 128;

/**
 * A column or table name as a quoted SQL identifier.
 * @throws PermanentError `invalid` for an empty or over-long name and for one with control characters
 */
export function identifier(name: string): string {
  if (
    typeof name !== 'string' ||
    name.length === 0 ||
    name.length > LONGEST_NAME ||
    /[\u0000-\u001f\u007f]/.test(name)
  ) {
    throw new PermanentError('invalid', `name ${JSON.stringify(String(name).slice(0, 60))} cannot be a column`, {
      field: 'column',
      value: String(name).slice(0, LONGEST_NAME),
      rule: `1 to ${LONGEST_NAME} characters without control characters`,
    });
  }
  return `"${name.replaceAll('"', '""')}"`;
}

/** A value as a quoted SQL string. */
export function literal(text: string): string {
  return `'${text.replaceAll('\0', '').replaceAll("'", "''")}'`;
}

/** A moment as a SQL TIMESTAMP (UTC); milliseconds since the epoch. */
export function timestampLiteral(ms: number): string {
  return `epoch_ms(${Math.trunc(ms)}::bigint)`;
}

/** A list of identifiers, or the given text when there is none. */
export function identifiers(names: readonly string[]): string {
  return names.map(identifier).join(', ');
}
