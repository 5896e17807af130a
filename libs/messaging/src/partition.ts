/** Partitions of a topic. */
export const PARTITIONS = 16;

/** Partition of a key: FNV-1a over its UTF-16 code units, modulo {@link PARTITIONS}. */
export function partitionOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % PARTITIONS;
}
