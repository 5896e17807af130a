import { createHash } from 'node:crypto';
import { RoutingChangedSchema } from '@rondo/contracts';
import { messageOf } from '@rondo/kernel';
import type { Recorded } from './recorded.js';
import type { ReadArtifact } from './replayed-evaluations.js';

/** Every routing names the champion before its own, whose file is in the store as it was. */
export async function wayBack(recorded: Recorded, artifact: ReadArtifact): Promise<string[]> {
  const problems: string[] = [];
  const served = new Map<string, { readonly champion?: string; readonly former?: string }>();
  const needed = new Set<string>();
  for (const { endpoint, epoch, champion, previousChampion } of recorded.messages(RoutingChangedSchema)) {
    const before = served.get(endpoint);
    const former = before?.champion === champion?.digest ? before?.former : before?.champion;
    served.set(endpoint, { ...(champion && { champion: champion.digest }), ...(former !== undefined && { former }) });
    if (former === undefined) continue;
    needed.add(former);
    if (previousChampion?.digest !== former)
      problems.push(
        `epoch ${epoch} of ${endpoint} names ${previousChampion?.digest ?? 'no model'} to go back to, not ${former}`,
      );
  }
  for (const digest of needed) {
    try {
      const found = `sha256:${createHash('sha256')
        .update(await artifact(digest))
        .digest('hex')}`;
      if (found !== digest) problems.push(`the former champion ${digest} is kept as ${found}`);
    } catch (error) {
      problems.push(`the former champion ${digest} cannot be read: ${messageOf(error)}`);
    }
  }
  return problems;
}
