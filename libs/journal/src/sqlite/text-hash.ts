/** A 48-bit hash that makes a short index key of a text; equal texts have equal hashes, others mostly not. */
export function textHash(text: string): number {
  let low = 0x811c9dc5;
  let high = 0x9e3779b9;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b);
  }
  return (low >>> 0) * 0x10000 + ((high ^ (high >>> 16)) & 0xffff);
}
