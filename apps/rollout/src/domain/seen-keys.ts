import { mixBits } from '@rondo/kernel';

/** Slots of the set; a power of two. */
const SLOTS = 2 ** 14;
/** Slots of one hexadecimal digit. */
const PER_DIGIT = 4;

/** Which slots are taken, a bit each, as hexadecimal text: plain JSON of a fixed 4 KiB. */
export type SeenKeys = string;

/** No key was seen. */
export const noKeys: SeenKeys = '0'.repeat(SLOTS / PER_DIGIT);

/**
 * Tells which keys are surely new, and remembers them. Each key has one of 16,384 slots by a hash of its own; whoever comes first takes
 * it. So a key is new at most once, what is new are different keys, and one whose slot is taken by another is passed over,
 * which does not depend on anything but the hash and the order of arrival. Once all slots are taken nothing is new.
 */
export function firstSeen(seen: SeenKeys, keys: readonly string[]): { isNew: boolean[]; seen: SeenKeys } {
  const changed = new Map<number, number>();
  const isNew = keys.map((key) => {
    const slot = slotOf(key);
    const digit = Math.floor(slot / PER_DIGIT);
    const taken = changed.get(digit) ?? Number.parseInt(seen[digit]!, 16);
    const bit = 1 << (slot % PER_DIGIT);
    if ((taken & bit) !== 0) return false;
    changed.set(digit, taken | bit);
    return true;
  });
  if (changed.size === 0) return { isNew, seen };
  const digits = seen.split('');
  for (const [digit, taken] of changed) digits[digit] = taken.toString(16);
  return { isNew, seen: digits.join('') };
}

/** MurmurHash3 (x86, 32 bits) over UTF-16 code units: not the hash that splits the traffic, so a slot tells nothing about the arm. */
function slotOf(key: string): number {
  let hash = 0;
  for (let i = 0; i < key.length; i++) {
    const unit = Math.imul(key.charCodeAt(i), 0xcc9e2d51);
    hash ^= Math.imul((unit << 15) | (unit >>> 17), 0x1b873593);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  return mixBits(hash ^ key.length) % SLOTS;
}
