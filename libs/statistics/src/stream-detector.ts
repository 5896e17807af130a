/** What a detector says of the stream after its last value. */
export type StreamStatus = 'clear' | 'warning' | 'drift';

/** Which change of the mean is reported: only a rise (right for errors: never fires on improvement), or any. */
export type AlarmOn = 'rise' | 'change';

/**
 * Watches a stream value by value with bounded memory. After `drift` a detector starts afresh with the next value (ADWIN
 * keeps the young part of its window instead).
 */
export interface StreamDetector<State extends { readonly kind: string }> {
  /**
   * Takes one more value.
   * @throws PermanentError `invalid` for a value that is not finite or outside the detector's range; the state stays as it was
   */
  update(value: number): StreamStatus;
  /** A copy as plain JSON: a detector restored from it goes on exactly as this one. */
  state(): State;
}
