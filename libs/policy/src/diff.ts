import { canonicalJson } from '@rondo/kernel';
import { stringify } from 'yaml';
import { admittedDocument, parseAdmitted } from './admit.js';
import { fieldsAt } from './document/json-schema.js';
import { pathText, type Path } from './document/path.js';
import type { PipelineDocument } from './document/schema.js';

/** One difference between two documents. */
export interface DocumentChange {
  /** For example `spec.rollout.steps[canary-5].weight`: items with a name are matched and shown by it. */
  readonly path: string;
  /** JSON before; undefined when it was not there. */
  readonly fromJson?: string;
  /** JSON after; undefined when it is gone. */
  readonly toJson?: string;
}

/** What changes from one admitted bundle to another, leaf by leaf, files included; `undefined` stands for no pipeline yet. */
export function diffPipelines(fromBundle: string | undefined, toBundle: string): DocumentChange[] {
  const before =
    fromBundle === undefined ? undefined : { ...admittedDocument(fromBundle), files: parseAdmitted(fromBundle).files };
  const after = { ...admittedDocument(toBundle), files: parseAdmitted(toBundle).files };
  const changes: DocumentChange[] = [];
  compare(before, after, [], changes);
  return changes;
}

function compare(before: unknown, after: unknown, path: Path, changes: DocumentChange[]): void {
  if (canonicalJson(before) === canonicalJson(after)) return;
  const a = keyed(before);
  const b = keyed(after);
  if (!a && !b) {
    changes.push({
      path: shown(path),
      ...(before !== undefined && { fromJson: canonicalJson(before) }),
      ...(after !== undefined && { toJson: canonicalJson(after) }),
    });
    return;
  }
  if ((before !== undefined && !a) || (after !== undefined && !b)) {
    changes.push({ path: shown(path), fromJson: canonicalJson(before), toJson: canonicalJson(after) });
    return;
  }
  const keys = new Set([...(a?.keys() ?? []), ...(b?.keys() ?? [])]);
  const sizeBefore = changes.length;
  for (const key of keys) compare(a?.get(key), b?.get(key), [...path, key], changes);
  if (changes.length === sizeBefore)
    changes.push({ path: `${shown(path)} (order)`, fromJson: orderOf(a), toJson: orderOf(b) });
}

function orderOf(map: ReadonlyMap<string | number, unknown> | undefined): string {
  return JSON.stringify(
    [...(map?.keys() ?? [])].map((key) => (typeof key === 'string' ? key.replace(NAMED, '') : key)),
  );
}

/** Marks a key that is the name of a list item. */
const NAMED = '\u0000';

function keyed(value: unknown): ReadonlyMap<string | number, unknown> | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  if (value.some((item) => item === null || typeof item !== 'object')) return undefined;
  const names = value.map((item: { name?: unknown }, index) =>
    typeof item.name === 'string' ? NAMED + item.name : index,
  );
  return new Map(names.map((name, index) => [name, value[index] as unknown]));
}

function shown(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'string' && part.startsWith(NAMED)) return `${text}[${part.slice(1)}]`;
    const own = pathText([part]);
    return own.startsWith('[') || text === '' ? text + own : `${text}.${own}`;
  }, '');
}

/** Writes a document as YAML, fields in the order of the schema. */
export function toYaml(document: PipelineDocument): string {
  return stringify(inSchemaOrder(document, []), { lineWidth: 120, aliasDuplicateObjects: false });
}

function inSchemaOrder(value: unknown, path: Path): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item, index) => inSchemaOrder(item, [...path, index]));
  const order = fieldsAt(path);
  const rank = (key: string): number => (order.includes(key) ? order.indexOf(key) : order.length);
  const entries = Object.entries(value).sort(([a], [b]) => rank(a) - rank(b));
  return Object.fromEntries(entries.map(([key, item]) => [key, inSchemaOrder(item, [...path, key])]));
}
