import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Around, Delivery } from '@rondo/messaging';
import type { Attributes } from '@rondo/telemetry';
import type { Platform } from './ports.js';

const HANDLING_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
const PLATFORM_MESSAGES = 'rondo.platform.v1.';

type Fields = MessageShape<DescMessage> & {
  readonly pipeline?: unknown;
  readonly cycleId?: unknown;
  readonly service?: unknown;
};

function attributesOf(system: string, delivery: Delivery, message: Fields, waitedMs: number): Attributes {
  const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
  return {
    'messaging.system': system,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': delivery.topic,
    'messaging.destination.partition.id': String(delivery.partition),
    'messaging.consumer.group.name': delivery.group,
    'messaging.message.id': delivery.id,
    'rondo.delivery.attempt': delivery.attempt,
    'rondo.delivery.waited_ms': Math.max(0, waitedMs),
    'rondo.pipeline.name': text(message.pipeline),
    'rondo.cycle.id': delivery.headers['cycleid'] ?? text(message.cycleId),
  };
}

/**
 * Handles each delivery inside a span whose parent is the span that journaled the message, and lets pass unseen the platform messages (job and
 * timer wake-ups) that are meant for another service.
 */
export function observeDelivery(platform: Pick<Platform, 'service' | 'telemetry' | 'clock' | 'bus'>): Around {
  const { telemetry, clock, bus } = platform;
  const seconds = telemetry.histogram(
    'rondo_event_process_duration_seconds',
    'Time to handle a message.',
    ['handler', 'result'],
    HANDLING_SECONDS,
  );
  const again = telemetry.counter('rondo_event_redeliveries_total', 'Messages handled again.', ['handler']);
  return async (delivery, message, next) => {
    const fields = message as Fields;
    const forAnother = typeof fields.service === 'string' && fields.service !== platform.service;
    if (delivery.type.startsWith(PLATFORM_MESSAGES) && forAnother) return;
    const parent = delivery.headers['traceparent'];
    const startedAtMs = clock.now();
    const options = {
      kind: 'consumer' as const,
      attributes: attributesOf(bus.system, delivery, fields, startedAtMs - delivery.timeMs),
      ...(parent === undefined ? { root: true } : { parent }),
    };
    const measure = (result: string): void =>
      seconds.observe((clock.now() - startedAtMs) / 1000, { handler: delivery.type, result });
    if (delivery.attempt > 1) again.add(1, { handler: delivery.type });
    try {
      await telemetry.span(`process ${delivery.type}`, options, next);
    } catch (error) {
      measure('failed');
      throw error;
    }
    measure('ok');
  };
}
