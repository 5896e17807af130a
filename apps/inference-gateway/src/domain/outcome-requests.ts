import { checkEventTime, refuse } from './infer-request.js';

/** Most entries of one call. */
export const ENTRIES_MAX = 1_000;
const LABELS_MAX = 65_536;
const HANDLE = /^([A-Za-z0-9][A-Za-z0-9._:-]{0,127})(?:#(\d{1,5}))?$/;
const ENDPOINT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const NAME = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;
const LABEL_FIELDS = new Set(['endpoint', 'request_id', 'event_time', 'labels', 'row_indexes']);
const FEEDBACK_FIELDS = new Set(['endpoint', 'request_id', 'row_index', 'name', 'value', 'event_time']);

/** Known outcomes of one request. */
export interface LabelEntry {
  readonly endpoint: string;
  readonly requestId: string;
  readonly eventTimeMs: number;
  /** Rows in parallel to `labels`. */
  readonly rowIndexes: readonly number[];
  readonly labels: readonly number[];
}

/** One reaction to one answer. */
export interface FeedbackEntry {
  readonly endpoint: string;
  readonly requestId: string;
  readonly rowIndex: number;
  readonly name: string;
  readonly value: number;
  readonly eventTimeMs: number;
}

type Fields = Record<string, unknown>;

/**
 * Reads `{endpoint, request_id, event_time?, labels, row_indexes?}` or a list of them. `labels` has one of 0, 1 or null (unknown
 * yet) per row, or per entry of `row_indexes`; `request_id` is what the reply carried, `id#row` for a row that was sent alone.
 */
export function labelEntries(body: unknown, nowMs: number): LabelEntry[] {
  return entriesOf(body).map((entry, i) => labelEntry(entry, pathOf(body, i), nowMs));
}

/** Reads `{endpoint, request_id, row_index?, name, value, event_time?}` or a list of them; a boolean value counts as 0 or 1. */
export function feedbackEntries(body: unknown, nowMs: number): FeedbackEntry[] {
  return entriesOf(body).map((entry, i) => feedbackEntry(entry, pathOf(body, i), nowMs));
}

function labelEntry(value: unknown, path: string, nowMs: number): LabelEntry {
  const entry = fieldsOf(path, value, LABEL_FIELDS);
  const { requestId, row } = handleOf(path, entry);
  const { labels, row_indexes: indexes } = entry;
  if (!Array.isArray(labels) || labels.length === 0 || labels.length > LABELS_MAX)
    refuse(`${path}labels`, labels, `must be a list of 1 to ${LABELS_MAX} labels`);
  if (indexes !== undefined && (!Array.isArray(indexes) || indexes.length !== labels.length))
    refuse(`${path}row_indexes`, indexes, `must be a list of ${labels.length} rows`);
  if (row !== undefined && (labels.length !== 1 || indexes !== undefined))
    refuse(`${path}labels`, `${labels.length} labels`, 'must be one label for a row that was sent alone');
  const known: { row: number; label: number }[] = [];
  labels.forEach((label: unknown, i) => {
    if (label === null) return;
    if (label !== 0 && label !== 1) refuse(`${path}labels[${i}]`, label, 'must be 0, 1 or null');
    const index: unknown = row ?? (Array.isArray(indexes) ? indexes[i] : i);
    if (!isIndex(index)) refuse(`${path}row_indexes[${i}]`, index, `must be an integer from 0 to ${LABELS_MAX - 1}`);
    known.push({ row: index, label });
  });
  return {
    ...commonOf(path, entry, nowMs),
    requestId,
    rowIndexes: known.map((item) => item.row),
    labels: known.map((item) => item.label),
  };
}

function feedbackEntry(value: unknown, path: string, nowMs: number): FeedbackEntry {
  const entry = fieldsOf(path, value, FEEDBACK_FIELDS);
  const { requestId, row } = handleOf(path, entry);
  const { name, row_index: index = row ?? 0 } = entry;
  if (row !== undefined && index !== row)
    refuse(`${path}row_index`, index, 'must be absent for a row that was sent alone');
  if (!isIndex(index)) refuse(`${path}row_index`, index, `must be an integer from 0 to ${LABELS_MAX - 1}`);
  if (typeof name !== 'string' || !NAME.test(name))
    refuse(`${path}name`, name, 'must be a letter and up to 63 letters, digits and . _ -');
  const number = typeof entry['value'] === 'boolean' ? Number(entry['value']) : entry['value'];
  if (typeof number !== 'number' || !Number.isFinite(number))
    refuse(`${path}value`, entry['value'], 'must be a finite number or a boolean');
  return { ...commonOf(path, entry, nowMs), requestId, rowIndex: index, name, value: number };
}

function entriesOf(body: unknown): readonly unknown[] {
  if (!Array.isArray(body)) return [body];
  if (body.length === 0 || body.length > ENTRIES_MAX)
    refuse('request', `${body.length} entries`, `must be 1 to ${ENTRIES_MAX} entries`);
  return body;
}

function pathOf(body: unknown, index: number): string {
  return Array.isArray(body) ? `[${index}].` : '';
}

function commonOf(path: string, entry: Fields, nowMs: number): { endpoint: string; eventTimeMs: number } {
  const { endpoint, event_time: time } = entry;
  if (typeof endpoint !== 'string' || !ENDPOINT.test(endpoint))
    refuse(`${path}endpoint`, endpoint, 'must name an endpoint');
  return { endpoint, eventTimeMs: time === undefined ? nowMs : checkEventTime(`${path}event_time`, time, nowMs) };
}

function handleOf(path: string, entry: Fields): { readonly requestId: string; readonly row: number | undefined } {
  const handle = entry['request_id'];
  const match = typeof handle === 'string' ? HANDLE.exec(handle) : null;
  if (!match) refuse(`${path}request_id`, handle, 'must be the rondo_request_id of a reply');
  return { requestId: match[1]!, row: match[2] === undefined ? undefined : Number(match[2]) };
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < LABELS_MAX;
}

function fieldsOf(path: string, value: unknown, known: ReadonlySet<string>): Fields {
  const field = path === '' ? 'request' : path.slice(0, -1);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(field, value, 'must be an object');
  for (const key in value)
    if (!known.has(key)) refuse(`${path}${key}`, 'present', `is not known; known are ${[...known].join(', ')}`);
  return value as Fields;
}
