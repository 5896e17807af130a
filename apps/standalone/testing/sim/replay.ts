import { fromBinary, toJson } from '@bufbuild/protobuf';
import { registry, RunJobSchema, topicOf } from '@rondo/contracts';
import { SqliteStore, type Journal } from '@rondo/journal';
import { assert, messageOf, type Json } from '@rondo/kernel';
import { partitionOf, SqliteBus, type Bus, type Envelope, type SubscribeOptions } from '@rondo/messaging';
import { bootService, type Platform, type RunningService } from '@rondo/service';
import { MemoryLogger, SilentTelemetry } from '@rondo/service/testing';
import { STATEFUL, type StatefulService } from '../services.js';
import { messagesIn, type LoggedMessage } from './broker.js';
import { differencesOf, documentsOf, replayable, type FinalState } from './final-state.js';
import type { Handled } from './history.js';
import type { Surroundings } from './ports.js';
import { countedIds, newProcess, type Simulation } from './simulation.js';
import { World } from './world.js';
import { journalOver } from './wrapped.js';

/** By so much the clock of a replay is ahead of the clock of the run; machines may be as far apart. */
const AHEAD_MS = 7 * 60_000;
/** Of jobs and timers, which are repeated when an attempt fails. */
const WAKE_UPS = topicOf(RunJobSchema);

/** What each service keeps or publishes differently when it is given the log again. */
export async function replayDifferences(simulation: Simulation): Promise<string[]> {
  const problems: string[] = [];
  for (const service of STATEFUL) {
    const replay = new Replay(simulation, service);
    try {
      const found = await replay.run();
      problems.push(...found.map((problem) => `${service}: ${problem}`));
    } finally {
      await replay.close();
    }
  }
  return problems;
}

/**
 * One service, alone, with an empty store: it is given the messages of the log, and what people asked of it. What it publishes goes
 * nowhere.
 */
class Replay {
  readonly #recorded: Simulation;
  readonly #service: StatefulService;
  /** The log by the ids of its messages; of those published twice the first. */
  readonly #messages: ReadonlyMap<string, LoggedMessage>;
  readonly #world: World;
  readonly #store: SqliteStore;
  readonly #groups = new Map<string, SubscribeOptions>();
  readonly #problems: string[] = [];
  /** Steps of jobs that wait until they are due. */
  readonly #due = new Map<string, PromiseWithResolvers<void>>();
  #running: RunningService | undefined;

  constructor(recorded: Simulation, service: StatefulService) {
    this.#recorded = recorded;
    this.#service = service;
    this.#messages = new Map(recorded.broker.log.toReversed().map((message) => [message.id, message]));
    const { laboratory } = recorded.options;
    let commits = 0;
    this.#world = new World(undefined, () => commits + laboratory.memo.computed + laboratory.memo.reused, false);
    laboratory.outside = this.#world.outside;
    const bus = SqliteBus.open(':memory:', { clock: this.#world.clock });
    bus.database.committer.onCommit(() => commits++);
    this.#store = SqliteStore.open(':memory:', { clock: this.#world.clock, bus });
  }

  get #isExact(): boolean {
    const { seed, weather } = this.#recorded.options;
    return seed === undefined && weather === undefined;
  }

  /** How what it keeps and publishes differs from what was kept and published. */
  async run(): Promise<string[]> {
    const { broker, store, world, options } = this.#recorded;
    await this.#world.pass(AHEAD_MS);
    this.#running = await bootService({ platform: this.#platform(), module: options.laboratory.module(this.#service) });
    for (const step of this.#isExact ? this.#inLogOrder() : this.#asHandled()) {
      await this.#passUntil(step.atMs);
      await this.#take(step);
    }
    for (const { resolve } of this.#due.values()) resolve();
    await this.#passUntil(world.clock.now());
    return [
      ...this.#problems,
      ...differencesOf(documentsOf(store, this.#service), documentsOf(this.#store, this.#service)),
      ...differencesOf(this.#published(broker.log), this.#published(messagesIn(this.#store.bus, 0))),
    ];
  }

  async close(): Promise<void> {
    await this.#running?.close();
    await this.#store.close();
  }

  /** Every message where it stands in the log, whatever the service did in which order; what people asked for where its first effect stands. */
  *#inLogOrder(): Generator<Handled> {
    const { broker, history } = this.#recorded;
    const calls = new Map(
      history.handledBy(this.#service).flatMap((step) => (step.consumer === 'rpc' ? [[step.id, step] as const] : [])),
    );
    for (const { id, type, topic, source, headers, loggedAtMs } of broker.log) {
      const call = source === `rondo/${this.#service}` ? calls.get(headers['causationid'] ?? '') : undefined;
      if (call && calls.delete(call.id)) yield call;
      for (const { group, topics, wants } of this.#groups.values())
        if (topics.includes(topic) && wants?.(type) !== false) yield { consumer: group, id, atMs: loggedAtMs };
    }
  }

  /** In the order in which the service did it all, which messages that led to no other do not tell. */
  #asHandled(): Handled[] {
    const steps = this.#recorded.history.handledBy(this.#service);
    for (const { consumer, id } of steps) {
      const step = consumer === 'jobs' ? stepOf(id) : undefined;
      if (step) this.#due.set(step, Promise.withResolvers());
    }
    return steps;
  }

  async #take({ consumer, id }: Handled): Promise<void> {
    const options = this.#groups.get(consumer);
    try {
      if (options) await this.#deliver(options, id);
      else if (consumer === 'rpc') await this.#ask(id);
      else if (consumer === 'jobs') this.#due.get(stepOf(id) ?? '')?.resolve();
    } catch (error) {
      this.#problems.push(`${consumer} ${id} is not carried out: ${messageOf(error)}`);
    }
    await this.#world.settled();
  }

  async #ask(requestId: string): Promise<void> {
    const call = this.#recorded.history.callOf(requestId);
    assert(call, `nobody asked ${requestId}`);
    const { method, request, context } = call;
    const rpc = this.#running!.rpcServices().find(({ service }) => service.typeName === method.parent.typeName);
    assert(rpc, `${this.#service} has no ${method.parent.typeName}`);
    await rpc.implementation[method.localName]!(request as never, context);
  }

  async #deliver({ group, handle }: SubscribeOptions, id: string): Promise<void> {
    const message = this.#messages.get(id);
    assert(message, `no message ${id}`);
    const { position, loggedAtMs: _, ...envelope } = message;
    const delivery = { ...envelope, group, partition: partitionOf(message.key), offset: position, attempt: 1 };
    await handle(delivery);
  }

  #platform(): Platform {
    const bus: Bus = {
      system: this.#store.bus.system,
      publish: (messages) => this.#store.bus.publish(messages),
      subscribe: (options) => {
        this.#groups.set(options.group, options);
        return Promise.resolve({ close: () => Promise.resolve() });
      },
      parked: { list: () => Promise.resolve([]), replay: () => Promise.resolve(false) },
      lag: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    };
    const { artifacts, weather, options } = this.#recorded;
    const at: Surroundings = {
      world: this.#world,
      weather,
      process: newProcess(this.#service, 1, 0),
      occurrences: new Map(),
      effects: [],
      committed: () => undefined,
      crash: () => undefined,
      freeze: () => undefined,
    };
    const platform: Platform = {
      service: this.#service,
      bus,
      journal: options.mutation?.journal?.(this.#journal(), at) ?? this.#journal(),
      artifacts,
      clock: this.#world.clock,
      ids: countedIds(this.#service, 1),
      telemetry: new SilentTelemetry(),
      log: new MemoryLogger(),
    };
    return options.mutation?.platform?.(platform) ?? platform;
  }

  /** Jobs are taken up and end when they did. */
  #journal(): Journal {
    const journal = this.#store.journal(this.#service);
    return journalOver(journal, async (cause, work) => {
      const step = cause.consumer === 'jobs' ? stepOf(cause.messageId) : undefined;
      if (step) await this.#due.get(step)?.promise;
      return journal.once(cause, work);
    });
  }

  async #passUntil(atMs: number): Promise<void> {
    await this.#world.settled();
    const { clock } = this.#world;
    const behindMs = atMs + AHEAD_MS - clock.now();
    if (behindMs > 0) await this.#world.pass(behindMs);
    await this.#world.settled();
  }

  #published(log: readonly Envelope[]): FinalState {
    const told = new Map<string, string>();
    const count = new Map<string, number>();
    for (const { id, type, topic, key, source, payload } of log) {
      if (source !== `rondo/${this.#service}`) continue;
      if (!this.#isExact && topic === WAKE_UPS) continue;
      const schema = registry.getMessage(type);
      assert(schema, `${type} is no message`);
      const text = replayable(toJson(schema, fromBinary(schema, payload), { registry }) as Json);
      const name = `${topic} ${key} ${type} ${this.#isExact ? id : text}`;
      count.set(name, (count.get(name) ?? 0) + 1);
      told.set(`${name} ${count.get(name)}`, text);
    }
    return told;
  }
}

/** The step of a job that a cause is, whichever attempt of it. */
function stepOf(causeId: string): string | undefined {
  const [, jobId, step] = /^(.*)\/(claim|done|failed)\/\d+$/.exec(causeId) ?? [];
  return step && `${jobId} ${step === 'claim' ? step : 'end'}`;
}
