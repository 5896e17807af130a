import { parseInstantMs, PermanentError } from '@rondo/kernel';

/** Most rows of one request. */
export const ROWS_MAX = 65_536;
/** Longest split key. */
export const KEY_LENGTH_MAX = 256;
/** Oldest moment that a protobuf timestamp can hold. */
const OLDEST_MS = Date.parse('0001-01-01T00:00:00Z');
/** Clocks of callers may be ahead by this much. */
const AHEAD_MS_MAX = 24 * 3_600_000;
const VALUE_LENGTH_MAX = 60;
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** A request for predictions that has passed every check. */
export interface InferRequest {
  /** The caller's own id; empty when there is none. */
  readonly id: string;
  /** Row-major, rows × features; NaN = missing. */
  readonly rows: Float32Array;
  readonly count: number;
  /** Split key per row; absent when the caller gave none. */
  readonly keys?: readonly string[];
  readonly eventTimeMs?: number;
  /** Names of the outputs asked for; absent = all. */
  readonly outputs?: readonly string[];
}

/** Outputs that can be asked for. */
export const OUTPUTS = ['label', 'probability', 'rondo_model_version'] as const;

/** Refuses an input and names field, value and rule. */
export function refuse(field: string, value: unknown, rule: string): never {
  const shown = shorten(value);
  throw new PermanentError('invalid', `${field} is ${shown}: ${rule}`, { field, value: shown, rule });
}

/** Checks the shape of `X` and gives the number of rows. */
export function rowsOfShape(field: string, shape: readonly number[], features: number): number {
  const [count, width] = shape;
  if (shape.length !== 2 || count === undefined || width === undefined)
    refuse(field, shape, `must be [rows, ${features}]`);
  if (!Number.isSafeInteger(count) || count < 1 || count > ROWS_MAX)
    refuse(`${field}[0]`, count, `must be an integer from 1 to ${ROWS_MAX}`);
  if (width !== features) refuse(`${field}[1]`, width, `must be ${features}, the number of features`);
  return count;
}

/** Checks the shape of a tensor with one value per row. */
export function checkPerRow(field: string, shape: readonly number[], count: number): void {
  if (shape.length !== 1 || shape[0] !== count) refuse(field, shape, `must be [${count}], one value per row of X`);
}

/** Takes a split key. */
export function checkKey(field: string, value: unknown): string {
  if (typeof value !== 'string' || value.length === 0 || value.length > KEY_LENGTH_MAX)
    refuse(field, value, `must be a text of 1 to ${KEY_LENGTH_MAX} characters`);
  return value;
}

/** Takes the caller's id of the request; empty when absent. */
export function checkId(field: string, value: unknown): string {
  if (value === undefined || value === '') return '';
  if (typeof value !== 'string' || !REQUEST_ID.test(value))
    refuse(field, value, 'must be 1 to 128 letters, digits and . _ : -');
  return value;
}

/** Reads an event time: any of the past, because old data may be replayed, and no more than a day ahead of the clock. */
export function checkEventTime(field: string, value: unknown, nowMs: number): number {
  const atMs = typeof value === 'string' ? parseInstantMs(value) : Number.NaN;
  if (Number.isNaN(atMs)) refuse(field, value, 'must be an RFC 3339 time such as 2001-05-07T14:00:00Z');
  if (atMs < OLDEST_MS) refuse(field, value, 'must not be before the year 1');
  if (atMs > nowMs + AHEAD_MS_MAX) refuse(field, value, 'must not be more than a day ahead of the clock');
  return atMs;
}

/** Checks the names of the outputs asked for; absent = all. */
export function checkOutputs(field: string, names: readonly string[]): readonly string[] | undefined {
  if (names.length === 0) return undefined;
  names.forEach((name, i) => {
    if (!(OUTPUTS as readonly string[]).includes(name))
      refuse(`${field}[${i}].name`, name, `must be one of ${OUTPUTS.join(', ')}`);
    if (names.indexOf(name) !== i) refuse(`${field}[${i}].name`, name, 'must not be repeated');
  });
  return names;
}

function shorten(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, VALUE_LENGTH_MAX + 1)) : textOf(value);
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
}

/** Only the outermost layer is shown, so that deep or wide values cost nothing. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) {
    const shown = value
      .slice(0, 5)
      .map((item: unknown) =>
        Array.isArray(item) ? '[…]' : typeof item === 'object' && item !== null ? '{…}' : String(item),
      );
    return `[${shown.join(', ')}${value.length > 5 ? ', …' : ''}]`;
  }
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
