import { STATEFUL } from '../services.js';
import { NEW_FIELD } from './next-release.js';
import type { Simulation } from './simulation.js';

/** What became of the messages and documents of the next release where this one worked beside it. */
export async function newerAndOlder(simulation: Simulation): Promise<string[]> {
  return [...setAside(simulation), ...(await droppedFields(simulation))];
}

/** Each message that this release does not understand was set aside once by every service that reads its topic, with the reason. */
function setAside({ nextRelease, broker }: Simulation): string[] {
  const problems: string[] = [];
  const services = new Set<string>(STATEFUL);
  for (const { envelope, reason } of nextRelease.messages.values()) {
    const found = broker.parked.filter(({ delivery }) => delivery.id === envelope.id);
    for (const group of broker.readersOf(envelope).filter((name) => services.has(name))) {
      const own = found.filter(({ delivery }) => delivery.group === group);
      if (own.length !== 1) problems.push(`${group} set ${envelope.type} ${envelope.id} aside ${own.length} times`);
    }
    for (const parked of found)
      if (!reason.test(parked.reason))
        problems.push(`${envelope.type} ${envelope.id} was set aside as ${parked.reason}`);
  }
  return problems;
}

/** Another champion's reference is another thing under the same id. */
const BEGUN_ANEW: ReadonlySet<string> = new Set(['drift-monitor reference']);

/** A document keeps the fields that this release does not know, whoever saved it last. */
async function droppedFields(simulation: Simulation): Promise<string[]> {
  const problems: string[] = [];
  for (const { service, kind, id } of simulation.nextRelease.saved.values()) {
    if (BEGUN_ANEW.has(`${service} ${kind}`)) continue;
    const stored = await simulation.journalOf(service).load<object>(kind, id);
    if (stored && !(NEW_FIELD in stored.state)) problems.push(`${service} dropped a field of ${kind} ${id}`);
  }
  return problems;
}
