import { nextTurn } from './fake-clock.js';

/**
 * Waits until `condition` holds, looking once per turn of the event loop; never sleeps.
 * @param withinMs real time after which it throws, default 10 s
 */
export async function eventually(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const until = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > until) throw new Error(`not within ${withinMs} ms: ${condition.toString()}`);
    await nextTurn();
  }
}
