import { nextTurn } from './fake-clock.js';

/** From then on whatever is waited for, perhaps in another process, gets the processor. */
const EAGER_MS = 200;
const LOOK_EVERY_MS = 5;

/**
 * Waits until `condition` holds, looking once per turn of the event loop at first, and every few milliseconds later.
 * @param withinMs real time after which it throws, default 30 s
 */
export async function eventually(condition: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const started = performance.now();
  while (!(await condition())) {
    const waitedMs = performance.now() - started;
    if (waitedMs > withinMs) throw new Error(`not within ${withinMs} ms: ${condition.toString()}`);
    if (waitedMs < EAGER_MS) await nextTurn();
    else await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
