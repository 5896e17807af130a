import type { Clock } from '@rondo/kernel';

interface Wake {
  readonly atMs: number;
  readonly order: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it. Wakes fire in order of time, then of registration. */
export class FakeClock implements Clock {
  #nowMs: number;
  #order = 0;
  #wakes: Wake[] = [];

  /** @param startMs milliseconds since the epoch; 2026-01-01T00:00:00Z when left out */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  wakeAt(atMs: number, wake: () => void): () => void {
    const entry: Wake = { atMs, order: this.#order++, wake };
    this.#wakes.push(entry);
    if (atMs <= this.#nowMs) setImmediate(() => this.#fire(entry));
    return () => this.#drop(entry);
  }

  /** Moment of the earliest pending wake, when there is one. */
  nextWakeAtMs(): number | undefined {
    return this.#earliest()?.atMs;
  }

  /** Moves time forward by `ms`, firing what comes due on the way, including what those wakes arm within the span. */
  async advance(ms: number): Promise<void> {
    const target = this.#nowMs + ms;
    for (let due = this.#earliest(); due !== undefined && due.atMs <= target; due = this.#earliest()) {
      // Like the machine's clock it shows whole milliseconds.
      this.#nowMs = Math.max(this.#nowMs, Math.ceil(due.atMs));
      this.#fire(due);
      await nextTurn();
    }
    this.#nowMs = target;
    await nextTurn();
  }

  #earliest(): Wake | undefined {
    let first: Wake | undefined;
    for (const wake of this.#wakes) {
      if (!first || wake.atMs < first.atMs || (wake.atMs === first.atMs && wake.order < first.order)) first = wake;
    }
    return first;
  }

  #fire(entry: Wake): void {
    if (this.#drop(entry)) entry.wake();
  }

  #drop(entry: Wake): boolean {
    const at = this.#wakes.indexOf(entry);
    if (at < 0) return false;
    this.#wakes.splice(at, 1);
    return true;
  }
}

/** Resolves after the callbacks that are ready now have run. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
