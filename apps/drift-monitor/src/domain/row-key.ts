import { mixBits } from '@rondo/kernel';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** What stands for a row without a key. */
export const NO_KEY = 0;

/** What stands for a batch row that no served row names. */
export const NO_ROW = -1;
const SEVERAL_ROWS = -2;

/**
 * A row's key in four bytes: FNV-1a over its UTF-16 code units, finished with murmur3's mixer; {@link NO_KEY} for an empty one.
 * Of a batch of a million rows a key that is not in it is taken for one that is with a chance of 1 in 4,300.
 */
export function rowKey(key: string): number {
  if (key === '') return NO_KEY;
  let hash = FNV_OFFSET;
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), FNV_PRIME);
    hash = Math.imul(hash ^ (unit >>> 8), FNV_PRIME);
  }
  return mixed(hash);
}

function mixed(sum: number): number {
  const hash = mixBits(sum);
  return hash === NO_KEY ? 1 : hash;
}

/** Keys side by side: UTF-8, and the bytes of each as numbers with commas between them. */
export interface PackedKeys {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: string;
}

/** {@link rowKey} of each. */
export function rowKeys(packed: readonly PackedKeys[]): Uint32Array {
  const parts = packed.map(({ bytes, lengths }) => {
    let at = 0;
    return Uint32Array.from(lengths.split(','), (length) => rowKeyOf(bytes, at, (at += Number(length))));
  });
  const keys = new Uint32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    keys.set(part, at);
    at += part.length;
  }
  return keys;
}

function rowKeyOf(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): number {
  if (start === end) return NO_KEY;
  let hash = FNV_OFFSET;
  for (let i = start; i < end; i++) {
    const unit = bytes[i]!;
    if (unit > 0x7f) return rowKey(utf8.decode(bytes.subarray(start, end)));
    hash = Math.imul(Math.imul(hash ^ unit, FNV_PRIME), FNV_PRIME);
  }
  return mixed(hash);
}

/** The batch row of each served key: {@link NO_ROW} where no batch row has it, or more than one. */
export function joinRows(servedKeys: Uint32Array, batchKeys: Uint32Array): Int32Array {
  // Open addressing: keys are hashes already, so their last bits are a slot.
  const mask = 2 ** Math.ceil(Math.log2(2 * batchKeys.length + 2)) - 1;
  const keys = new Uint32Array(mask + 1);
  const rows = new Int32Array(mask + 1).fill(NO_ROW);
  const slotOf = (key: number): number => {
    let slot = key & mask;
    while (keys[slot] !== key && keys[slot] !== NO_KEY) slot = (slot + 1) & mask;
    return slot;
  };
  batchKeys.forEach((key, row) => {
    if (key === NO_KEY) return;
    const slot = slotOf(key);
    rows[slot] = keys[slot] === NO_KEY ? row : SEVERAL_ROWS;
    keys[slot] = key;
  });
  const joined = new Int32Array(servedKeys.length).fill(NO_ROW);
  servedKeys.forEach((key, i) => {
    if (key !== NO_KEY) joined[i] = Math.max(NO_ROW, rows[slotOf(key)]!);
  });
  return joined;
}
