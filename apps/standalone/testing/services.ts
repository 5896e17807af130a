import { SERVICES, type ServiceName } from '@rondo/runtime';

export type StatefulService = Exclude<ServiceName, 'inference-gateway'>;

/** Every service that keeps state; the order in which they start. */
export const STATEFUL = SERVICES.filter((service): service is StatefulService => service !== 'inference-gateway');
