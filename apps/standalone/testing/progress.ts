import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AuditService, type AuditEntry } from '@rondo/contracts';
import type { GrpcConnection } from '@rondo/rpc';
import type { KillPoint } from './kill-plan.js';
import type { RondoProcess } from './rondo-process.js';

const LOOK_AGAIN_MS = 30;
const PAGE_SIZE = 1000;

/**
 * Resolves when the process has come as far as the point.
 * @throws Error when it ends before
 */
export async function whenReached(rondo: RondoProcess, point: KillPoint): Promise<void> {
  const api = await rondo.connect();
  try {
    while (!(await isReached(rondo, api, point))) {
      if (!rondo.isRunning) throw new Error(`the program ended before ${JSON.stringify(point)}:\n${rondo.output}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  } finally {
    api.close();
  }
}

async function isReached(rondo: RondoProcess, api: GrpcConnection, point: KillPoint): Promise<boolean> {
  if ('type' in point) {
    const entries = await journalOf(api);
    return entries.filter(({ type }) => type.endsWith(`.${point.type}`)).length >= point.count;
  }
  const text = await readFile(join(rondo.home, 'replay.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  const { weeksDone, hoursSent } = JSON.parse(text) as { weeksDone: number; hoursSent: number };
  return weeksDone > point.weeksDone || (weeksDone === point.weeksDone && hoursSent >= point.hoursSent);
}

/** All that every service has recorded. */
export async function journalOf(api: GrpcConnection): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let pageToken = ''; ;) {
    const page = await api.client(AuditService).listAuditEntries({ pageSize: PAGE_SIZE, pageToken });
    entries.push(...page.entries);
    if (page.nextPageToken === '') return entries;
    pageToken = page.nextPageToken;
  }
}
