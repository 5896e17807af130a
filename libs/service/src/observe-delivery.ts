import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Around, Delivery } from '@rondo/messaging';
import type { Attributes } from '@rondo/telemetry';
import type { Platform } from './ports.js';

const PLATFORM_MESSAGES = 'rondo.platform.v1.';

type Fields = MessageShape<DescMessage> & {
  readonly pipeline?: unknown;
  readonly cycleId?: unknown;
  readonly service?: unknown;
};

function attributesOf(delivery: Delivery, message: Fields): Attributes {
  const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
  return {
    'messaging.system': 'rondo',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': delivery.topic,
    'messaging.destination.partition.id': String(delivery.partition),
    'messaging.consumer.group.name': delivery.group,
    'messaging.message.id': delivery.id,
    'rondo.delivery.attempt': delivery.attempt,
    'rondo.pipeline.name': text(message.pipeline),
    'rondo.cycle.id': delivery.headers['cycleid'] ?? text(message.cycleId),
  };
}

/**
 * Handles each delivery inside a span whose parent is the publisher's, and lets pass unseen the platform messages (job and
 * timer wake-ups) that are meant for another service.
 */
export function observeDelivery(platform: Pick<Platform, 'service' | 'telemetry'>): Around {
  return async (delivery, message, next) => {
    const fields = message as Fields;
    const forAnother = typeof fields.service === 'string' && fields.service !== platform.service;
    if (delivery.type.startsWith(PLATFORM_MESSAGES) && forAnother) return;
    const parent = delivery.headers['traceparent'];
    const options = {
      kind: 'consumer' as const,
      attributes: attributesOf(delivery, fields),
      ...(parent === undefined ? { root: true } : { parent }),
    };
    await platform.telemetry.span(`process ${delivery.type}`, options, next);
  };
}
