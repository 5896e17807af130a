import { open, type FileHandle } from 'node:fs/promises';
import { PermanentError } from '@rondo/kernel';

/** True for what a disk answers that takes no more: it is full, over quota, or at the size that files may have. */
export function isOutOfSpace(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(String((error as NodeJS.ErrnoException | undefined)?.code));
}

/** @throws PermanentError `exhausted` above the limit */
export function refuseLargerThan(maxBytes: number, sizeBytes: number): void {
  if (sizeBytes <= maxBytes) return;
  throw new PermanentError('exhausted', `artifact of ${sizeBytes} bytes exceeds the limit of ${maxBytes} bytes`, {
    field: 'sizeBytes',
    value: sizeBytes,
    rule: `at most ${maxBytes} bytes`,
    reason: 'ARTIFACT_TOO_LARGE',
  });
}

/** @throws PermanentError `not-found` that names the path */
export async function openSource(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new PermanentError('not-found', `file to be stored cannot be opened: ${path}`, {
      field: 'path',
      value: path,
      rule: 'a readable file',
      cause,
    });
  }
}

export function artifactAbsent(digest: string, cause: unknown): PermanentError {
  return new PermanentError('not-found', `artifact ${digest} is not in the store`, {
    field: 'digest',
    value: digest,
    rule: 'a stored artifact',
    cause,
  });
}

export function artifactDamaged(digest: string): PermanentError {
  return new PermanentError('data-loss', `artifact ${digest} is damaged: its bytes no longer match the digest`, {
    field: 'digest',
    value: digest,
    rule: 'bytes match the digest',
    reason: 'ARTIFACT_DAMAGED',
  });
}
