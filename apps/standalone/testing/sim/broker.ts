import type { Random } from '@rondo/kernel';
import {
  DEFAULT_RETRY_POLICY,
  logRowOf,
  partitionOf,
  verdictOn,
  type Delivery,
  type Envelope,
  type LogRow,
  type ParkedMessage,
  type SqliteBus,
  type SubscribeOptions,
  type Subscription,
} from '@rondo/messaging';
import type { Weather } from './faults.js';
import type { History } from './history.js';
import type { Process, World } from './world.js';

/** Messages of one key on one topic for one group: in order, one at a time, again and again if need be. */
interface Lane {
  readonly group: string;
  readonly topic: string;
  readonly key: string;
  readonly messages: LoggedMessage[];
  next: number;
  attempt: number;
  state: 'idle' | 'waiting' | 'in flight';
}

interface Group {
  readonly name: string;
  readonly topics: ReadonlySet<string>;
  readonly wants: SubscribeOptions['wants'];
  readonly lanes: Map<string, Lane>;
  handler: { readonly process: Process; readonly handle: SubscribeOptions['handle'] } | undefined;
}

function isFor({ topics, wants }: Group, { topic, type }: Envelope): boolean {
  return topics.has(topic) && wants?.(type) !== false;
}

/** A message of the log. */
export interface LoggedMessage extends LogRow {
  /** True time at which it came into the log. */
  readonly loggedAtMs: number;
}

/** What the log holds after a place, in its order. */
export function messagesIn(bus: SqliteBus, after: number): LogRow[] {
  return bus.database.statement('SELECT * FROM bus_log WHERE position > ? ORDER BY position').all(after).map(logRowOf);
}

/**
 * Delivers what the store's log holds as Kafka would on a bad day: late, in any order across keys, several times, again from an
 * earlier message after a crash. Within a key the order stays, which is what the port promises.
 */
export class SimulatedBroker {
  readonly parked: ParkedMessage[] = [];
  readonly log: LoggedMessage[] = [];
  /** Deliveries by group, for the report. */
  readonly deliveries: string[] = [];
  readonly #world: World;
  readonly #weather: Weather;
  readonly #bus: SqliteBus;
  readonly #random: Random;
  readonly #relays: (message: Envelope) => boolean;
  readonly #history: History;
  #readUpTo = 0;
  readonly #groups = new Map<string, Group>();

  constructor(parts: {
    world: World;
    weather: Weather;
    bus: SqliteBus;
    random: Random;
    /** Whether a message that was committed gets here; only for the proof that its absence is noticed. */
    relays: (message: Envelope) => boolean;
    history: History;
  }) {
    this.#world = parts.world;
    this.#weather = parts.weather;
    this.#bus = parts.bus;
    this.#random = parts.random;
    this.#relays = parts.relays;
    this.#history = parts.history;
    this.#bus.database.committer.onCommit(() => this.#read());
  }

  /** The groups that are given a message. */
  readersOf(message: Envelope): string[] {
    return [...this.#groups.values()].filter((group) => isFor(group, message)).map(({ name }) => name);
  }

  subscribe(process: Process, options: SubscribeOptions): Subscription {
    const { group: name, topics, wants, handle } = options;
    const group: Group = this.#groups.get(name) ?? {
      name,
      topics: new Set(topics),
      wants,
      lanes: new Map(),
      handler: undefined,
    };
    const handler = { process, handle };
    group.handler = handler;
    if (!this.#groups.has(name)) {
      this.#groups.set(name, group);
      for (const message of this.log) this.#offer(group, message);
    }
    for (const lane of group.lanes.values()) this.#arm(group, lane);
    return {
      close: () => {
        if (group.handler === handler) this.#release(group);
        return Promise.resolve();
      },
    };
  }

  /** The consumers of a dead process go; what they had not acknowledged, and perhaps more, comes again. */
  drop(process: Process): void {
    for (const group of this.#groups.values()) {
      if (group.handler?.process === process) this.#release(group);
    }
  }

  #release(group: Group): void {
    group.handler = undefined;
    for (const lane of group.lanes.values()) {
      lane.state = 'idle';
      lane.attempt = 1;
      lane.next = Math.max(0, lane.next - this.#weather.setBack(true));
    }
  }

  /** Messages that nobody has been given yet are gone; only for the proof that this is noticed. */
  forgetUndelivered(): void {
    for (const group of this.#groups.values()) {
      for (const lane of group.lanes.values()) if (lane.state !== 'in flight') lane.next = lane.messages.length;
    }
  }

  #read(): void {
    for (const row of messagesIn(this.#bus, this.#readUpTo)) {
      const message: LoggedMessage = { ...row, loggedAtMs: this.#world.clock.now() };
      this.#readUpTo = message.position;
      if (!this.#relays(message)) continue;
      this.log.push(message);
      for (const group of this.#groups.values()) this.#offer(group, message);
    }
  }

  #offer(group: Group, message: LoggedMessage): void {
    if (!isFor(group, message)) return;
    const id = `${message.topic} ${message.key}`;
    let lane = group.lanes.get(id);
    if (!lane) {
      const { topic, key } = message;
      lane = { group: group.name, topic, key, messages: [], next: 0, attempt: 1, state: 'idle' };
      group.lanes.set(id, lane);
    }
    lane.messages.push(message);
    this.#arm(group, lane);
  }

  #arm(group: Group, lane: Lane, delayMs = this.#weather.delayMs()): void {
    const message = lane.messages[lane.next];
    const { handler } = group;
    if (lane.state !== 'idle' || !handler || !message) return;
    lane.state = 'waiting';
    const label = `deliver ${group.name} ${message.type} ${message.id}`;
    // What was on its way to a process that stood still meanwhile has been sent to its successor.
    const arrive = (): void => void (group.handler === handler && this.#deliver(group, lane));
    this.#world.wait(label, handler.process, arrive, delayMs);
  }

  async #deliver(group: Group, lane: Lane): Promise<void> {
    const message = lane.messages[lane.next];
    const handler = group.handler;
    if (!handler || !message) return;
    lane.state = 'in flight';
    this.deliveries.push(
      `${this.#world.steps} ${group.name} <- ${message.type} ${message.id} (attempt ${lane.attempt})`,
    );
    const { position, loggedAtMs: _, ...envelope } = message;
    const delivery: Delivery = {
      ...envelope,
      group: group.name,
      partition: partitionOf(message.key),
      offset: position,
      attempt: lane.attempt,
    };
    const begun = this.#history.now();
    let error: unknown;
    try {
      await handler.handle(delivery);
    } catch (thrown) {
      error = thrown ?? new Error('rejected with nothing');
    }
    // Who was taken for dead has no say in what is acknowledged.
    if (!handler.process.alive || group.handler !== handler) return;
    if (error === undefined)
      this.#history.handled(handler.process.service, { consumer: group.name, id: delivery.id }, begun);
    this.#settle(group, lane, delivery, error);
  }

  #settle(group: Group, lane: Lane, delivery: Delivery, error: unknown): void {
    lane.state = 'idle';
    if (error === undefined) {
      lane.next = Math.max(0, lane.next + 1 - this.#weather.setBack(false));
      lane.attempt = 1;
      return this.#arm(group, lane);
    }
    const verdict = verdictOn(error, lane.attempt, DEFAULT_RETRY_POLICY, this.#random.next());
    if (verdict.kind === 'retry') {
      lane.attempt++;
      return this.#arm(group, lane, verdict.afterMs);
    }
    const id = `${group.name}/${delivery.id}`;
    // Delivered and set aside again, it is still one.
    if (!this.parked.some((parked) => parked.id === id))
      this.parked.push({ id, delivery, reason: verdict.reason, parkedAtMs: this.#world.clock.now() });
    lane.next++;
    lane.attempt = 1;
    this.#arm(group, lane);
  }
}
