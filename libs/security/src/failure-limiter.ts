import type { Clock } from '@rondo/kernel';

/** Counts failures per key in fixed windows. At most 10 000 keys are remembered; the oldest give way. */
export class FailureLimiter {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #failuresMax: number;
  readonly #windowMs: number;
  readonly #windows = new Map<string, { readonly startMs: number; count: number }>();

  /** @param options.failuresMax failures allowed per window (default 10) @param options.windowMs default one minute */
  constructor(clock: Pick<Clock, 'now'>, options: { readonly failuresMax?: number; readonly windowMs?: number } = {}) {
    this.#clock = clock;
    this.#failuresMax = options.failuresMax ?? 10;
    this.#windowMs = options.windowMs ?? 60_000;
  }

  /** Notes a failure. @returns false when the key has used up its failures of this window */
  note(key: string): boolean {
    const now = this.#clock.now();
    const known = this.#windows.get(key);
    if (known && now - known.startMs < this.#windowMs) return ++known.count <= this.#failuresMax;
    this.#windows.delete(key);
    this.#windows.set(key, { startMs: now, count: 1 });
    if (this.#windows.size > 10_000) this.#windows.delete(this.#windows.keys().next().value!);
    return true;
  }

  /** Milliseconds until the key may fail again; 0 when it may now. */
  waitMs(key: string): number {
    const known = this.#windows.get(key);
    if (!known || known.count < this.#failuresMax) return 0;
    return Math.max(0, known.startMs + this.#windowMs - this.#clock.now());
  }
}
