import { createHash } from 'node:crypto';
import { PermanentError, canonicalJson } from '@rondo/kernel';

const DIGEST = /^sha256:([0-9a-f]{2})([0-9a-f]{62})$/;

/** `sha256:` and the 64 hexadecimal digits of the bytes' SHA-256. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Digest of a value by its canonical JSON: equal values give equal digests whatever the order of their keys. */
export function digestOfJson(value: unknown): string {
  return digestOf(Buffer.from(canonicalJson(value), 'utf8'));
}

/** True for text of the one form a digest may have. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/**
 * Splits a digest into the two parts of its file's name. Only hexadecimal digits pass, so no digest can leave the folder.
 * @throws PermanentError `invalid` for anything else
 */
export function digestParts(digest: string): readonly [fan: string, rest: string] {
  const match = typeof digest === 'string' ? DIGEST.exec(digest) : null;
  if (!match) {
    throw new PermanentError('invalid', 'digest: not "sha256:" followed by 64 lower-case hexadecimal digits', {
      field: 'digest',
      value: String(digest).slice(0, 100),
      rule: '^sha256:[0-9a-f]{64}$',
    });
  }
  return [match[1]!, match[2]!];
}
