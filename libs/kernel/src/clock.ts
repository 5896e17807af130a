/** Source of the present moment; injected everywhere so that tests and replays own time. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /**
   * Calls `wake` once when `now()` has reached `atMs`. Returns a function that cancels.
   * Never calls synchronously.
   */
  wakeAt(atMs: number, wake: () => void): () => void;
}

/** Milliseconds from one reading of a clock to another; 0 when the clock was set back, or when another clock was read, that is ahead. */
export const elapsedMs = (fromMs: number, toMs: number): number => Math.max(0, toMs - fromMs);

const LONGEST_TIMEOUT_MS = 2_000_000_000;

/** The machine's clock. Timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  wakeAt(atMs, wake) {
    let timer: ReturnType<typeof setTimeout>;
    const arm = (): void => {
      const left = atMs - Date.now();
      timer = setTimeout(
        () => (left > LONGEST_TIMEOUT_MS ? arm() : wake()),
        Math.min(Math.max(left, 0), LONGEST_TIMEOUT_MS),
      );
      (timer as { unref?: () => void }).unref?.();
    };
    arm();
    return () => clearTimeout(timer);
  },
};
