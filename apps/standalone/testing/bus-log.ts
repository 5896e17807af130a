import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { RondoProcess } from './rondo-process.js';

const LOOK_AGAIN_MS = 4;

/** How many messages of that type (`CycleStarted`) the process at `home` has committed. */
export function committed(home: string, type: string): number {
  const database = new DatabaseSync(join(home, 'rondo.db'), { readOnly: true });
  try {
    const row = database.prepare(`SELECT count(*) AS n FROM bus_log WHERE type LIKE '%.' || ?`).get(type);
    return Number(row?.['n'] ?? 0);
  } finally {
    database.close();
  }
}

/**
 * Resolves when the process has committed that many messages of that type.
 * @throws Error when it ends before
 */
export async function whenCommitted(rondo: RondoProcess, type: string, count: number): Promise<void> {
  await rondo.addresses();
  const database = new DatabaseSync(join(rondo.home, 'rondo.db'), { readOnly: true });
  try {
    const messages = database.prepare(`SELECT count(*) AS n FROM bus_log WHERE type LIKE '%.' || ?`);
    while (Number(messages.get(type)?.['n'] ?? 0) < count) {
      if (!rondo.isRunning) throw new Error(`the program ended before ${count} ${type}:\n${rondo.output}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  } finally {
    database.close();
  }
}
