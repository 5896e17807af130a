import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { prepareShapeRules, registry, shapeViolations, topicOf } from '@rondo/contracts';
import { Defect, messageOf, PermanentError } from '@rondo/kernel';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Bus, Delivery, Subscription } from '../ports.js';
import { BUS_TRANSPORT } from './handle-event.js';

/** Wraps the handling of every delivery, for example in a span; calls `next` at most once. */
export type Around = (
  delivery: Delivery,
  message: MessageShape<DescMessage>,
  next: () => Promise<void>,
) => Promise<void>;

/** What a {@link BusServer} serves and how. */
export interface BusServerOptions {
  readonly bus: Bus;
  /** Consumer group: the name of the service. */
  readonly group: string;
  readonly concurrency?: number;
  readonly around?: Around;
}

interface Route {
  readonly schema: DescMessage;
  readonly handler: MessageHandler;
}

/**
 * Nest transport of the bus. Each message type has one handler; a second one is refused at start. A payload that cannot be
 * decoded, or breaks a shape rule, is parked; so is a message of a type that this version does not know, because a process of a
 * newer version may have to handle it, and the group's offset passes for both.
 */
export class BusServer extends Server implements CustomTransportStrategy {
  override readonly transportId = BUS_TRANSPORT;
  override readonly propagatesEventHandlerErrors = true;
  readonly #options: BusServerOptions;
  readonly #routes = new Map<string, Route>();
  #subscription: Subscription | undefined;

  constructor(options: BusServerOptions) {
    super();
    this.#options = options;
  }

  override addHandler(
    pattern: unknown,
    handler: MessageHandler,
    isEventHandler = false,
    extras: Record<string, unknown> = {},
  ): void {
    const schema = extras['schema'] as DescMessage;
    if (this.#routes.has(schema.typeName)) {
      throw new Defect(
        `${schema.typeName} has two handlers in group ${this.#options.group}; one per service is allowed`,
      );
    }
    super.addHandler(pattern, handler, isEventHandler, extras);
    this.#routes.set(schema.typeName, { schema, handler });
  }

  /** Subscribes to the topics of the handled types, whose rules are made ready first: no message waits for that. */
  override listen(callback: (error?: unknown) => void): void {
    this.#subscribe().then(() => callback(), callback);
  }

  override async close(): Promise<void> {
    await this.#subscription?.close();
  }

  override on(): never {
    throw new Defect('the bus transport emits no events of its own');
  }

  override unwrap<T>(): T {
    return this.#options.bus as T;
  }

  async #subscribe(): Promise<void> {
    if (this.#routes.size === 0) return;
    const { bus, group, concurrency } = this.#options;
    const schemas = [...this.#routes.values()].map((route) => route.schema);
    for (const schema of schemas) prepareShapeRules(schema);
    const topics = [...new Set(schemas.map(topicOf))].sort();
    const handle = (delivery: Delivery): Promise<void> => this.#handle(delivery);
    this.#subscription = await bus.subscribe({
      group,
      topics,
      wants: (type) => this.#routes.has(type) || registry.getMessage(type) === undefined,
      handle,
      ...(concurrency !== undefined && { concurrency }),
    });
  }

  async #handle(delivery: Delivery): Promise<void> {
    const route = this.#routes.get(delivery.type);
    if (!route) return refuseUnknown(delivery.type);
    const message = decode(route.schema, delivery);
    const next = (): Promise<void> => settle(route.handler(message, delivery));
    await (this.#options.around ? this.#options.around(delivery, message, next) : next());
  }
}

/** A message that was parked as unknown and is replayed may be of a type that is known by now and none of this service's business. */
function refuseUnknown(type: string): void {
  if (registry.getMessage(type)) return;
  throw new PermanentError('failed-precondition', `${type} is unknown to this version`, {
    field: 'type',
    value: type,
    rule: 'a message type of this version',
    reason: 'TYPE_UNKNOWN',
  });
}

/** Nest answers with a promise of an Observable; the delivery is handled when that has completed. */
async function settle(answer: unknown): Promise<void> {
  const result = await answer;
  if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
}

function decode(schema: DescMessage, delivery: Delivery): MessageShape<DescMessage> {
  let message: MessageShape<DescMessage>;
  try {
    message = fromBinary(schema, delivery.payload);
  } catch (cause) {
    throw new PermanentError('invalid', `payload is not a ${schema.typeName}: ${messageOf(cause)}`, {
      field: 'payload',
      rule: `protobuf encoding of ${schema.typeName}`,
      cause,
    });
  }
  const [first, ...others] = shapeViolations(schema, message);
  if (!first) return message;
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  throw new PermanentError('invalid', `${schema.typeName}.${first.field}: ${first.message}${more}`, {
    field: first.field,
    value: first.value,
    rule: first.rule,
  });
}
