import type { DescService } from '@bufbuild/protobuf';
import { allServices } from '@rondo/contracts';
import { Defect } from '@rondo/kernel';
import type { ApiConfig } from './config.js';

/** Every service of an installation; each has a journal of its own name. */
export const SERVICES = [
  'control-plane',
  'data-prep',
  'drift-monitor',
  'labeling',
  'training',
  'evaluation',
  'rollout',
  'inference-gateway',
] as const;

/** Name of a service. */
export type ServiceName = (typeof SERVICES)[number];

/** Whose part of the API is forwarded, by the package of its contracts, and where the owner's addresses are set. */
const OWNERS: Readonly<Record<string, { readonly owner: ServiceName; readonly setting: keyof ApiConfig }>> = {
  'rondo.data.v1': { owner: 'data-prep', setting: 'dataPrepAddress' },
  'rondo.drift.v1': { owner: 'drift-monitor', setting: 'driftMonitorAddress' },
  'rondo.labeling.v1': { owner: 'labeling', setting: 'labelingAddress' },
  'rondo.rollout.v1': { owner: 'rollout', setting: 'rolloutAddress' },
};

/** Services of the API that one other process owns. */
export interface OwnedServices {
  readonly owner: ServiceName;
  readonly services: readonly DescService[];
  readonly addresses: readonly string[];
}

/** What of the API is not served here, by owner. @throws Defect for a service of the API that nobody owns */
export function servicesOfOthers(own: readonly DescService[], config: ApiConfig): OwnedServices[] {
  const missing = allServices().filter((service) => !own.some(({ typeName }) => typeName === service.typeName));
  const byOwner = new Map<ServiceName, OwnedServices & { readonly services: DescService[] }>();
  for (const service of missing) {
    const found = OWNERS[service.file.proto.package];
    if (!found) throw new Defect(`${service.typeName} belongs to no process`);
    const known = byOwner.get(found.owner);
    if (known) known.services.push(service);
    else
      byOwner.set(found.owner, {
        owner: found.owner,
        services: [service],
        addresses: config[found.setting] as readonly string[],
      });
  }
  return [...byOwner.values()];
}
