/** Wakes watchers when a document changed; carries no data, so a missed wake-up costs nothing but time. */
export class Changes {
  private readonly waiting = new Map<string, Set<() => void>>();

  notify(id: string): void {
    for (const wake of this.waiting.get(id) ?? []) wake();
  }

  /** Yields once at the start and after each notification until the signal aborts. */
  async *of(id: string, signal: AbortSignal): AsyncGenerator<void> {
    let pending = true;
    let wake: () => void = () => undefined;
    const listener = (): void => {
      pending = true;
      wake();
    };
    const listeners = this.waiting.get(id) ?? new Set();
    this.waiting.set(id, listeners.add(listener));
    signal.addEventListener('abort', listener);
    try {
      while (!signal.aborted) {
        if (!pending) await new Promise<void>((resolve) => (wake = resolve));
        pending = false;
        if (!signal.aborted) yield;
      }
    } finally {
      signal.removeEventListener('abort', listener);
      listeners.delete(listener);
      if (listeners.size === 0) this.waiting.delete(id);
    }
  }
}
