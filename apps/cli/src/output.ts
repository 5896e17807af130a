import { toJson, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { registry } from '@rondo/contracts';
import { stringify } from 'yaml';
import { plainText } from './words.js';

/** Forms of output. */
export const FORMATS = ['table', 'json', 'yaml', 'jsonl', 'name'] as const;
export type Format = (typeof FORMATS)[number];

/** A column of the table form. */
export interface Column<M> {
  readonly head: string;
  readonly text: (item: M) => string;
}

/** How a kind of thing is shown. */
export interface Shape<M> {
  /** Singular, as in `cycle/flights/7`. */
  readonly kind: string;
  /** What people call it, where that is another word. */
  readonly called?: string;
  /** Every field, for machines. */
  readonly json: (item: M) => unknown;
  readonly name: (item: M) => string;
  readonly columns: readonly Column<M>[];
  /** What a person who looks at one alone sees below it. */
  readonly details?: (item: M) => readonly string[];
}

/** A list in the form asked for. Machines get every field; people get columns, padded on a terminal and tab-separated elsewhere. */
export function renderList<M>(shape: Shape<M>, items: readonly M[], format: Format, isTerminal: boolean): string {
  const json = (): unknown[] => items.map((item) => shape.json(item));
  switch (format) {
    case 'json':
      return `${JSON.stringify(json(), null, 2)}\n`;
    case 'yaml':
      return stringify(json());
    case 'jsonl':
      return json()
        .map((item) => `${JSON.stringify(item)}\n`)
        .join('');
    case 'name':
      return items.map((item) => `${shape.kind}/${plainText(shape.name(item))}\n`).join('');
    case 'table':
      return renderTable(
        shape.columns.map((column) => column.head),
        items.map((item) => shape.columns.map((column) => column.text(item))),
        isTerminal,
      );
  }
}

/** One thing in the form asked for; a table of one row for people. */
export function renderOne<M>(shape: Shape<M>, item: M, format: Format, isTerminal: boolean): string {
  if (format === 'json') return `${JSON.stringify(shape.json(item), null, 2)}\n`;
  if (format === 'yaml') return stringify(shape.json(item));
  const details = format === 'table' ? (shape.details?.(item) ?? []) : [];
  return renderList(shape, [item], format, isTerminal) + details.map((line) => `  ${plainText(line)}\n`).join('');
}

/** Columns aligned for a terminal, or separated by tabs without cutting anything for a pipe. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  isTerminal: boolean,
): string {
  const lines = [head, ...rows.map((row) => row.map(plainText))];
  if (!isTerminal) return lines.map((line) => `${line.join('\t')}\n`).join('');
  const widths = head.map((_title, index) => Math.max(...lines.map((line) => (line[index] ?? '').length)));
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, index) => cell.padEnd(widths[index]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** Every field of a message, also those that are not set. */
export const messageJson =
  <D extends DescMessage>(schema: D) =>
  (message: MessageShape<D>): unknown =>
    toJson(schema, message, { registry, alwaysEmitImplicit: true });
