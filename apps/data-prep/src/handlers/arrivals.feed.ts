import { Inject, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ARRIVALS_TOPIC } from '@rondo/contracts';
import { messageOf, PermanentError } from '@rondo/kernel';
import type { Subscription } from '@rondo/messaging';
import { PLATFORM, type Delivery, type Platform } from '@rondo/service';
import { AnnounceArrival } from '../use-cases/announce-arrival.js';
import { readCloudEvents, type ReadEvent } from './cloud-events.js';
import { untilKnown } from './until-known.js';

const GROUP = 'data-prep.arrivals';

/**
 * CloudEvents in over the bus, from producers that know nothing of Rondo's messages: JSON, one event a message. What the HTTP door
 * would refuse is parked with the same reason. A consumer group of its own: a flood of arrivals holds up no command.
 */
export class ArrivalsFeed implements OnApplicationBootstrap, OnApplicationShutdown {
  private subscription: Subscription | undefined;

  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AnnounceArrival) private readonly announce: AnnounceArrival,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.subscription = await this.platform.bus.subscribe({
      group: GROUP,
      topics: [ARRIVALS_TOPIC],
      handle: (delivery) => this.receive(delivery),
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.subscription?.close();
  }

  private async receive(delivery: Delivery): Promise<void> {
    const event = eventIn(delivery);
    if (!event.ok) throw event.error;
    const { announcement } = event;
    const parent = delivery.headers['traceparent'] ?? event.traceparent;
    const options = {
      kind: 'consumer' as const,
      attributes: {
        'messaging.system': this.platform.bus.system,
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': delivery.topic,
        'messaging.message.id': delivery.id,
        'rondo.pipeline.name': announcement.pipeline,
      },
      ...(parent === undefined ? { root: true } : { parent }),
    };
    await this.platform.telemetry.span(`process ${delivery.type}`, options, async (span) => {
      // The place in the log names the delivery: a repeated event is to be counted as one. Its id too: a topic that is made again, or a
      // log that lost its end, has other events at the same places.
      const messageId = `${delivery.topic}/${delivery.partition}/${delivery.offset}/${delivery.source} ${delivery.id}`;
      const cause = { consumer: GROUP, messageId, traceparent: span.traceparent };
      await untilKnown(delivery, () => this.announce.execute(announcement, cause));
    });
  }
}

function eventIn(delivery: Delivery): ReadEvent {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(delivery.payload));
  } catch (cause) {
    throw new PermanentError('invalid', `the event is no JSON: ${messageOf(cause).slice(0, 200)}`, {
      field: '',
      rule: 'JSON (RFC 8259)',
      reason: 'EVENT_MALFORMED',
      cause,
    });
  }
  const { events, batch } = readCloudEvents(delivery.headers, body);
  if (!batch) return events[0]!;
  throw new PermanentError('invalid', 'a message holds one event, not a batch', {
    field: 'content-type',
    value: delivery.headers['content-type'],
    rule: 'application/cloudevents+json',
    reason: 'UNSUPPORTED_FORMAT',
  });
}
