import { open, stat } from 'node:fs/promises';
import { PermanentError } from '@rondo/kernel';

/** How a file is written; decided by its first bytes, never by its name. */
export type FileFormat = 'parquet' | 'csv' | 'json';

const MAGIC = 'PAR1';
/** Two magic words and the length of the footer. */
const SMALLEST_PARQUET_BYTES = 12;

function refuse(
  code: 'invalid' | 'not-found' | 'exhausted' | 'data-loss',
  path: string,
  reason: string,
  rule: string,
  cause?: unknown,
): PermanentError {
  return new PermanentError(code, `${path}: ${rule}`, { field: 'path', value: path, rule, reason, cause });
}

/**
 * Refuses what the engine must not open: absent or irregular files, files above the limit, names the engine would read as a
 * pattern, Parquet files that end too early.
 * @throws PermanentError with reason FILE_MISSING, FILE_IRREGULAR, FILE_NAME, FILE_TOO_LARGE, FILE_EMPTY, FILE_UNREADABLE or FILE_TRUNCATED
 */
export async function checkFile(
  path: string,
  maxBytes: number,
): Promise<{ readonly format: FileFormat; readonly sizeBytes: number }> {
  if (/[*?[\]\0]/.test(path)) throw refuse('invalid', path, 'FILE_NAME', 'a file name without * ? [ ]');
  const found = await stat(path).catch((cause: unknown) => {
    throw refuse('not-found', path, 'FILE_MISSING', 'the file exists and can be read', cause);
  });
  if (!found.isFile()) throw refuse('invalid', path, 'FILE_IRREGULAR', 'a regular file');
  if (found.size > maxBytes)
    throw refuse('exhausted', path, 'FILE_TOO_LARGE', `at most ${maxBytes} bytes (this one has ${found.size})`);
  if (found.size === 0) throw refuse('data-loss', path, 'FILE_EMPTY', 'a file with content');
  const { head, tail } = await edges(path, found.size);
  if (head.subarray(0, 4).toString('latin1') !== MAGIC) {
    if (head.some((byte) => byte < 9)) throw refuse('data-loss', path, 'FILE_UNREADABLE', 'Parquet, CSV or JSON');
    return { format: looksLikeJson(head) ? 'json' : 'csv', sizeBytes: found.size };
  }
  if (found.size < SMALLEST_PARQUET_BYTES || tail.toString('latin1') !== MAGIC) {
    throw refuse('data-loss', path, 'FILE_TRUNCATED', 'a Parquet file ends with its footer; this one was cut off');
  }
  return { format: 'parquet', sizeBytes: found.size };
}

/** Like {@link checkFile}, for callers that need Parquet. @throws PermanentError with reason FILE_NOT_PARQUET as well */
export async function checkParquet(path: string, maxBytes: number): Promise<number> {
  const { format, sizeBytes } = await checkFile(path, maxBytes);
  if (format !== 'parquet') throw refuse('invalid', path, 'FILE_NOT_PARQUET', 'a Parquet file');
  return sizeBytes;
}

async function edges(path: string, size: number): Promise<{ head: Buffer; tail: Buffer }> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(Math.min(64, size));
    const tail = Buffer.alloc(Math.min(4, size));
    await file.read(head, 0, head.length, 0);
    await file.read(tail, 0, tail.length, size - tail.length);
    return { head, tail };
  } finally {
    await file.close();
  }
}

function looksLikeJson(head: Buffer): boolean {
  return /^(\ufeff)?\s*[[{]/.test(head.toString('utf8'));
}
