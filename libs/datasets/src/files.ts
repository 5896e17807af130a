import { stat } from 'node:fs/promises';
import { messageOf, PermanentError } from '@rondo/kernel';
import type { FileFormat } from './file-checks.js';
import type { Session } from './session.js';
import { literal } from './sql-text.js';

/** Fixed once for all files: other options give other bytes. */
const PARQUET_OPTIONS = 'FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880, USE_TMP_FILE false';

/** The FROM item that reads a checked file. CSV with `text` gives every column as VARCHAR, untouched by detection of types. */
export function scanOf(path: string, format: FileFormat, options: { readonly text?: boolean } = {}): string {
  if (format === 'csv' && options.text) return `read_csv(${literal(path)}, all_varchar = true, header = true)`;
  const reader = { parquet: 'read_parquet', csv: 'read_csv', json: 'read_json' }[format];
  return `${reader}(${literal(path)})`;
}

/** `COPY … TO` with the fixed options. */
export async function writeParquet(
  session: Session,
  select: string,
  outPath: string,
): Promise<{ rows: number; sizeBytes: number }> {
  const [copied] = await session.rows(`COPY (${select}\n) TO ${literal(outPath)} (${PARQUET_OPTIONS})`);
  return { rows: Number(copied!['Count']), sizeBytes: (await stat(outPath)).size };
}

/**
 * Reading of a file by a statement that is ours and correct: whatever the engine refuses lies in the file.
 * @throws PermanentError `data-loss` with reason FILE_UNREADABLE instead of `invalid`
 */
export async function readable<T>(path: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'invalid') throw cause;
    const rule = 'the file can be read to its end';
    throw new PermanentError('data-loss', `${path}: ${messageOf(cause)}`, {
      field: 'path',
      value: path,
      rule,
      reason: 'FILE_UNREADABLE',
      cause,
    });
  }
}
