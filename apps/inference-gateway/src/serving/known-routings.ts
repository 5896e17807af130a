import { fromBinary } from '@bufbuild/protobuf';
import { RoutingChangedSchema, topicOf } from '@rondo/contracts';
import type { Journal, Unit } from '@rondo/journal';
import type { Subscription } from '@rondo/messaging';
import { everyReplica, type Platform } from '@rondo/service';
import { routingFrom } from '../contract-map.js';
import { supersedes, type ServedRouting } from '../domain/served-routing.js';

const ROUTING = 'routing';
const PAGE = 1000;

/** Keeps a routing unless a newer one is known. */
export async function keepRouting(unit: Unit, routing: ServedRouting): Promise<void> {
  const known = await unit.load<ServedRouting>(ROUTING, routing.endpoint);
  if (supersedes(routing, known?.state)) unit.save({ kind: ROUTING, id: routing.endpoint, state: routing });
}

/** The newest routing of each endpoint that was kept. */
export async function knownRoutings(journal: Journal): Promise<ServedRouting[]> {
  const found: ServedRouting[] = [];
  let pageToken: string | undefined;
  do {
    const query = { limit: PAGE, ...(pageToken !== undefined && { pageToken }) };
    const page = await journal.list<ServedRouting>(ROUTING, query);
    found.push(...page.items.map(({ state }) => state));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return found;
}

/**
 * Tells of every routing change, in every replica. Begins with the oldest message kept: one that nobody has kept yet is among them,
 * and those that are older than what is known change nothing.
 */
export function followRoutings(
  platform: Platform,
  apply: (routing: ServedRouting) => Promise<unknown>,
): Promise<Subscription> {
  return platform.bus.subscribe(
    everyReplica(platform, {
      group: 'inference-gateway.routing',
      startAt: 'oldest',
      topics: [topicOf(RoutingChangedSchema)],
      wants: (type) => type === RoutingChangedSchema.typeName,
      handle: async ({ payload }) => {
        const routing = routingFrom(fromBinary(RoutingChangedSchema, payload));
        if (routing) await apply(routing);
      },
    }),
  );
}
