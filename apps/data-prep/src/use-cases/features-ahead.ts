import { assert } from '@rondo/kernel';
import type { FeatureOutcome } from './finish-batch.js';

/** Features of rows that are still being checked: most batches are accepted, and the check leaves processors idle. */
export class FeaturesAhead {
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #computing: Promise<FeatureOutcome> | undefined;

  /** @param signal ends the computation, as {@link discard} does */
  constructor(signal: AbortSignal) {
    this.#signal = AbortSignal.any([signal, this.#stop.signal]);
  }

  begin(compute: (signal: AbortSignal) => Promise<FeatureOutcome>): void {
    this.#computing = compute(this.#signal);
    // Whoever asks for the outcome sees the failure; when nobody does, it is of no interest.
    this.#computing.catch(() => undefined);
  }

  /** What was begun. @throws what kept it from being computed */
  outcome(): Promise<FeatureOutcome> {
    assert(this.#computing, 'features were asked for that nobody began');
    return this.#computing;
  }

  /** Stops what is under way and resolves when it has ended. */
  async discard(): Promise<void> {
    this.#stop.abort();
    await this.#computing?.catch(() => undefined);
  }
}
