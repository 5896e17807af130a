import type { ServiceReplica } from './distributed-rondo.js';

const EPOCH = /^rondo_serving_epoch\{.*endpoint="([^"]*)".*\} (\d+)/gm;

/** Epoch by endpoint by which a gateway answers; undefined while it is away. */
export async function epochsOf(
  gateway: ServiceReplica,
  token: string,
): Promise<ReadonlyMap<string, number> | undefined> {
  const text = await scraped(gateway, token);
  return text === undefined
    ? undefined
    : new Map([...text.matchAll(EPOCH)].map(([, endpoint, epoch]) => [endpoint!, Number(epoch)]));
}

const HANDLED = /^rondo_event_process_duration_seconds_count\{.*result="ok".*\} (\d+)/gm;

/** How many messages a replica has handled since it began; 0 while it is away. */
export async function handledBy(replica: ServiceReplica, token: string): Promise<number> {
  const text = (await scraped(replica, token)) ?? '';
  return [...text.matchAll(HANDLED)].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** What a replica tells of itself; undefined while it is away. */
async function scraped(replica: ServiceReplica, token: string): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${replica.http}/metrics`, { headers }).catch(() => undefined);
  if (response && !response.ok) throw new Error(`${replica.name} answered ${response.status} to a scrape`);
  return response?.text().catch(() => undefined);
}
