import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DuckDBBlobValue } from '@duckdb/node-api';
import { scanOf } from './files.js';
import type { Session } from './session.js';
import { identifier } from './sql-text.js';

/** Rows whose texts come as one: the driver takes more than a microsecond for each text of its own. */
const TEXTS_AT_ONCE = 16_384;
const PLACE_IN_FILE = identifier('place in file');

/** A column of a Parquet file as text, null for NULL; in the order of the file, or sorted with ties in that order. */
export async function readTexts(
  session: Session,
  path: string,
  column: string,
  orderBy: readonly string[] = [],
): Promise<(string | null)[]> {
  const order = [...orderBy.map(identifier), PLACE_IN_FILE].join(', ');
  const chunks = await session.chunks(`
    SELECT encode(coalesce(string_agg(text, '' ORDER BY place), '')),
      string_agg(coalesce(strlen(text), -1)::VARCHAR, ',' ORDER BY place)
    FROM (
      SELECT ${identifier(column)}::VARCHAR AS text, row_number() OVER (ORDER BY ${order}) - 1 AS place
      FROM (SELECT *, row_number() OVER () AS ${PLACE_IN_FILE} FROM ${scanOf(path, 'parquet')})
    )
    GROUP BY place // ${TEXTS_AT_ONCE} ORDER BY place // ${TEXTS_AT_ONCE}`);
  const texts: (string | null)[] = [];
  for (const chunk of chunks) {
    const [joined, lengths] = [0, 1].map((index) => chunk.getColumnValues(index));
    for (let row = 0; row < chunk.rowCount; row++) {
      takeApart((joined![row] as DuckDBBlobValue).bytes, lengths![row] as string, texts);
      await nextTurn();
    }
  }
  return texts;
}

/** @param lengths of each text in bytes, -1 for NULL */
function takeApart(bytes: Uint8Array, lengths: string, into: (string | null)[]): void {
  const joined = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (const length of lengths.split(',')) {
    const end = at + Number(length);
    into.push(end < at ? null : joined.toString('utf8', at, end));
    at = Math.max(at, end);
  }
}
