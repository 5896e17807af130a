import { mixBits } from '@rondo/kernel';
import { checkCount, invalid } from './checks.js';
import type { RowMatrix } from './mmd.js';

const WORD = /[\p{L}\p{N}\p{M}_]{2,}/gu;
const encoder = new TextEncoder();

/**
 * Texts as rows of hashed word counts, each row of length 1 (all 0 without a word): a fixed width without a vocabulary, for
 * {@link mmdTest} with `scaled: false` and {@link domainClassifier} with `model: 'logistic'`. Words are two or more letters,
 * digits or underscores, in lower case; a hash also gives a sign, so that collisions cancel on average.
 * Source: Weinberger et al. (2009), ICML; MurmurHash3 (32 bits, seed 0), as scikit-learn's HashingVectorizer.
 * @example Array.from(hashedText(['late late'], { columns: 4 }).values) // => [1, 0, 0, 0]
 */
export function hashedText(texts: readonly string[], { columns }: { readonly columns: number }): RowMatrix {
  checkCount('columns', columns, 2);
  if (texts.length === 0) throw invalid('texts', 0, 'needs at least 1 text');
  const values = new Float64Array(texts.length * columns);
  texts.forEach((text, row) => {
    for (const [word] of text.toLowerCase().matchAll(WORD)) {
      const hash = murmur3(encoder.encode(word));
      values[row * columns + (Math.abs(hash) % columns)]! += hash < 0 ? -1 : 1;
    }
    const own = values.subarray(row * columns, (row + 1) * columns);
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    if (length > 0) for (let c = 0; c < columns; c++) own[c]! /= length;
  });
  return { values, columns };
}

/** MurmurHash3_x86_32 with seed 0, as a signed 32-bit integer. */
function murmur3(bytes: Uint8Array): number {
  let hash = 0;
  const blocks = bytes.length >> 2;
  for (let block = 0; block < blocks; block++) {
    const at = block * 4;
    hash ^= mixed(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= blocks * 4; at--) tail = (tail << 8) | bytes[at]!;
  if (bytes.length % 4 !== 0) hash ^= mixed(tail);
  return mixBits(hash ^ bytes.length) | 0;
}

function mixed(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}
