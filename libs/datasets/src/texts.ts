import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DuckDBBlobValue } from '@duckdb/node-api';
import { scanOf } from './files.js';
import type { Session } from './session.js';
import { identifier } from './sql-text.js';

/** Rows whose texts come as one: the driver takes more than a microsecond for each text of its own. */
const TEXTS_AT_ONCE = 16_384;
const PLACE_IN_FILE = identifier('place in file');

/** Texts of some rows side by side, to be handed on without making each of them a value. */
export interface PackedTexts {
  /** One after the other in UTF-8; the bytes of this array alone, so that they can be handed over to a thread. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of each text, -1 for NULL: numbers with commas between them. */
  readonly lengths: string;
}

/** A column of a Parquet file as text; in the order of the file, or sorted with ties in that order. */
export async function readPackedTexts(
  session: Session,
  path: string,
  column: string,
  orderBy: readonly string[] = [],
): Promise<PackedTexts[]> {
  const place = `${PLACE_IN_FILE}`;
  const inOrder =
    orderBy.length === 0 ? place : `row_number() OVER (ORDER BY ${[...orderBy.map(identifier), place].join(', ')}) - 1`;
  const chunks = await session.chunks(`
    SELECT encode(coalesce(string_agg(text, '' ORDER BY place), '')),
      string_agg(coalesce(strlen(text), -1)::VARCHAR, ',' ORDER BY place)
    FROM (
      SELECT ${identifier(column)}::VARCHAR AS text, ${inOrder} AS place
      FROM (SELECT *, row_number() OVER () - 1 AS ${PLACE_IN_FILE} FROM ${scanOf(path, 'parquet')})
    )
    GROUP BY place // ${TEXTS_AT_ONCE} ORDER BY place // ${TEXTS_AT_ONCE}`);
  const packed: PackedTexts[] = [];
  for (const chunk of chunks) {
    const [joined, lengths] = [0, 1].map((index) => chunk.getColumnValues(index));
    for (let row = 0; row < chunk.rowCount; row++)
      packed.push({ bytes: new Uint8Array((joined![row] as DuckDBBlobValue).bytes), lengths: lengths![row] as string });
  }
  return packed;
}

/** Each text as a value of its own, null for NULL. The event loop turns now and then. */
export async function unpackTexts(packed: readonly PackedTexts[]): Promise<(string | null)[]> {
  const texts: (string | null)[] = [];
  for (const part of packed) {
    takeApart(part, texts);
    await nextTurn();
  }
  return texts;
}

function takeApart({ bytes, lengths }: PackedTexts, into: (string | null)[]): void {
  const joined = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (const length of lengths.split(',')) {
    const end = at + Number(length);
    into.push(end < at ? null : joined.toString('utf8', at, end));
    at = Math.max(at, end);
  }
}
