import { AnnounceArrivalSchema, RoutingChangedSchema } from '@rondo/contracts';
import { logged, type Remains } from '../invariants.js';
import type { Simulation } from './simulation.js';

/** Within this a routing reaches the gateways, ms: messages take up to 20 s, and some are delivered several times before it. */
const REACHES_GATEWAYS_MS = 300_000;

/** What a simulated run left behind. */
export function remainsOf(simulation: Simulation): Remains {
  const { broker, nextRelease, story, world } = simulation;
  const announced = new Set(logged(broker.log, AnnounceArrivalSchema).map(({ at }) => at.id));
  const known = broker.parked.filter(({ delivery }) => !nextRelease.messages.has(delivery.id));
  const isLost = story.done && announced.size !== story.announcements;
  return {
    journalOf: (service) => simulation.journalOf(service),
    log: broker.log,
    artifact: (digest) => simulation.artifacts.get(digest),
    announced,
    served: servedIn(simulation),
    acceptedStale: story.acceptedStale,
    parked: known.map(({ delivery, reason }) => `${delivery.type} in ${delivery.group}: ${reason}`),
    lost: isLost ? [`${story.announcements} announcements were made, ${announced.size} are in the log`] : [],
    unfinished: [
      ...(story.done ? [] : [`the story did not come to its end: ${[...story.acting].join(', ')}`]),
      ...(world.waiting().length > 0 ? [`work is left: ${world.waiting().slice(0, 3).join('; ')}`] : []),
    ],
  };
}

/** A routing governs at once when the services were done, within minutes when messages were under way. */
function servedIn({ broker, story, weather }: Simulation): Remains['served'] {
  const boundMs = weather.hurried ? REACHES_GATEWAYS_MS : 0;
  const written = logged(broker.log, RoutingChangedSchema);
  return story.served.map(({ epoch, atMs, newestPosition }) => {
    const due = written.findLast(({ at }) => at.position <= newestPosition && at.loggedAtMs + boundMs <= atMs);
    return { epoch, due: due?.message.epoch ?? 0n };
  });
}
