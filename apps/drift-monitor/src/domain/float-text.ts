/** Bytes in base64: a third of the size of numbers in JSON, and exact. */
export function bytesToText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** The bytes behind {@link bytesToText}. */
export function bytesFromText(text: string): Uint8Array {
  // A copy: small buffers share one block of memory and need not start on a multiple of four.
  return new Uint8Array(Buffer.from(text, 'base64'));
}

/** float32 numbers, little-endian as on every platform Node runs on, in base64. */
export function floatsToText(values: Float32Array): string {
  return bytesToText(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** uint32 numbers, likewise. */
export function wordsToText(values: Uint32Array): string {
  return bytesToText(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** The numbers behind {@link wordsToText}. */
export function wordsFromText(text: string): Uint32Array {
  return new Uint32Array(bytesFromText(text).buffer);
}

/** The numbers behind {@link floatsToText}. */
export function floatsFromText(text: string): Float32Array {
  return new Float32Array(bytesFromText(text).buffer);
}
