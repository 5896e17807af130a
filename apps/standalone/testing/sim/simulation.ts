import { fromBinary, type DescMessage, type DescMethodUnary, type MessageShape } from '@bufbuild/protobuf';
import type { ArtifactStore } from '@rondo/artifacts';
import { RoutingChangedSchema, topicOf, type RoutingChanged } from '@rondo/contracts';
import { SqliteStore, type Journal } from '@rondo/journal';
import { idFrom, seededRandom, TransientError, type Ids } from '@rondo/kernel';
import { SqliteBus, type Envelope } from '@rondo/messaging';
import { bootService, type Platform, type RpcContext, type RunningService } from '@rondo/service';
import { MemoryLogger, SilentTelemetry } from '@rondo/service/testing';
import { STATEFUL, type StatefulService } from '../services.js';
import { SimulatedBroker } from './broker.js';
import { fairWeather, storm, type Effect, type Weather } from './faults.js';
import { History } from './history.js';
import type { Laboratory } from './laboratory.js';
import { NextRelease } from './next-release.js';
import { faultyBus, FaultyArtifacts, FaultyJournal, type Surroundings } from './ports.js';
import { Story } from './story.js';
import { World, type Process } from './world.js';

/** Rounds in which people and clocks do something and the services do nothing. */
const STANDSTILL = 50;
/** The same where each of seven services looks after the jobs of the others every minute. */
const STANDSTILL_WATCHED = 5_000;
/** A run takes about two thousand; one that takes this many does not end. */
const ROUNDS_MAX = 40_000;
/** Of a job of a process that others look after. */
const LEASE_MS = 3 * 60_000;
/** Until a process that was replaced, and goes on as a second one, is stopped. */
const ZOMBIE_MS = 10 * 60_000;
/** Rounds of "nobody has anything to do" after the story until only far deadlines are left. */
const LAST_WAIT_MS = 30 * 60_000;

/** Replaces parts of the platform by broken ones, for the proof that the checks can fail. */
export interface Mutation {
  journal?(inner: Journal, at: Surroundings): Journal;
  platform?(platform: Platform): Platform;
  /** Called whenever a process has died. */
  afterCrash?(simulation: Simulation): void;
  /** Whether a message that was committed reaches the bus. */
  relays?(message: Envelope): boolean;
  /** Whether the gateways take notice of a routing. */
  heeds?(routing: RoutingChanged): boolean;
  /** Called when everything has come to rest. */
  atEnd?(simulation: Simulation): void;
}

export interface SimulationOptions {
  readonly laboratory: Laboratory;
  /** Chooses order, faults and what people do; without it nothing goes wrong and the oldest goes first. */
  readonly seed?: number;
  /** Instead of the weather of the seed. */
  readonly weather?: Weather;
  readonly mutation?: Mutation;
}

/** All services, their surroundings and their story, for one run. */
export class Simulation {
  readonly world: World;
  readonly weather: Weather;
  readonly broker: SimulatedBroker;
  readonly story: Story;
  readonly store: SqliteStore;
  readonly effects: Effect[] = [];
  readonly log = new MemoryLogger();
  readonly artifacts: ArtifactStore;
  readonly history: History;
  readonly nextRelease: NextRelease;
  readonly options: SimulationOptions;
  readonly #running = new Map<string, { process: Process; service?: RunningService }>();
  readonly #deaths = new Map<Process, (() => void)[]>();
  readonly #replaced = new Set<Process>();
  readonly #occurrences = new Map<string, number>();
  readonly #outboxes = new Map<string, Envelope[]>();
  readonly #journals = new Map<string, Journal>();

  constructor(options: SimulationOptions) {
    const { seed, laboratory } = options;
    this.options = options;
    this.weather = options.weather ?? (seed === undefined ? fairWeather() : storm(seed));
    const choose = seed === undefined ? undefined : seededRandom(seed);
    let commits = 0;
    this.world = new World(
      choose,
      () => commits + laboratory.memo.computed + laboratory.memo.reused,
      this.weather.freezes,
    );
    laboratory.outside = this.world.outside;
    const { clock } = this.world;
    this.history = new History(clock);
    // The log is read by the simulated broker: the bus's own consumers, polls and retries stay out.
    const bus = SqliteBus.open(':memory:', { clock: { now: () => clock.now(), wakeAt: () => () => undefined } });
    bus.database.committer.onCommit(() => commits++);
    bus.database.committer.onRollback(() => commits++);
    this.store = SqliteStore.open(':memory:', { clock, bus });
    this.broker = new SimulatedBroker({
      world: this.world,
      weather: this.weather,
      bus,
      random: seededRandom(seed ?? 0),
      relays: (message) => options.mutation?.relays?.(message) ?? true,
      history: this.history,
    });
    this.artifacts = laboratory.artifacts();
    this.story = new Story(this, seed);
    this.nextRelease = new NextRelease({
      isNewer: () => this.weather.isNewer(),
      publish: (envelope) => this.publish('next-release', envelope),
      clock,
    });
  }

  /** Runs the story to its end and until everything has come to rest. */
  async run(): Promise<void> {
    this.#startGateway();
    for (const service of STATEFUL) this.#start(service, 1);
    const standstill = this.weather.freezes ? STANDSTILL_WATCHED : STANDSTILL;
    for (let round = 0, still = 0; round < ROUNDS_MAX && still < standstill; round++) {
      const { steps } = this.world;
      const busy = await this.world.step();
      still = this.world.steps === steps ? still + 1 : 0;
      if (busy && !this.weather.hurries()) continue;
      // Nobody acts and nothing goes on: the end, or a standstill that the checker will name.
      if (!(await this.story.next(busy)) && !busy) break;
    }
    await this.#comeToRest();
    this.options.mutation?.atEnd?.(this);
  }

  /** What a service has saved. */
  journalOf(service: string): Journal {
    let journal = this.#journals.get(service);
    if (!journal) {
      journal = this.store.journal(service);
      this.#journals.set(service, journal);
    }
    return journal;
  }

  /** Calls the API of a service as a person does; rejects while the service starts. */
  async call<I extends DescMessage>(
    service: string,
    method: DescMethodUnary<I>,
    request: MessageShape<I>,
    context: RpcContext,
  ): Promise<unknown> {
    const running = this.#running.get(service);
    const rpcs = running?.process.alive && !running.process.frozen ? running.service?.rpcServices() : undefined;
    const implementation = rpcs?.find((rpc) => rpc.service.typeName === method.parent.typeName)?.implementation;
    if (!implementation) throw new TransientError(`${service} is not there yet`);
    this.history.asked({ method, request, context });
    return implementation[method.localName]!(request as never, context);
  }

  /** Resolves when the process that runs the service now dies. */
  death(service: string): Promise<'died'> {
    const { process } = this.#running.get(service)!;
    return new Promise((resolve) =>
      this.#deaths.set(process, [...(this.#deaths.get(process) ?? []), () => resolve('died')]),
    );
  }

  /** Publishes as somebody outside of the journals does: in order, again and again until told that it worked. */
  publish(service: string, envelope: Envelope): void {
    const outbox = this.#outboxes.get(service) ?? [];
    this.#outboxes.set(service, outbox);
    outbox.push(envelope);
    if (outbox.length === 1) void this.#drain(service, outbox);
  }

  /** Ends a process here and now, and starts the service again after a while. */
  crash(process: Process): void {
    if (!process.alive) return;
    process.alive = false;
    this.broker.drop(process);
    this.options.mutation?.afterCrash?.(this);
    this.#replace(process);
  }

  /**
   * A process stands still, as one does that is swapped out or cut off: its consumers are given to a new one, its jobs are taken up
   * when their lease ends. Then it goes on where it was, knowing of nothing, and runs beside the new one for a while.
   */
  freeze(process: Process, forMs: number): void {
    const { world, broker } = this;
    const thaw = (): void => {
      process.frozen = false;
      for (const wake of process.missed.splice(0)) wake();
    };
    const end = (): void => void (process.alive = false);
    process.frozen = true;
    broker.drop(process);
    this.#replace(process);
    world.wait(`thaw ${process.service}`, undefined, thaw, forMs);
    world.wait(`end ${process.service}`, undefined, end, forMs + ZOMBIE_MS);
  }

  /** Starts another process for the service of one that is gone, unless that was done before. */
  #replace(process: Process): void {
    const { service } = process;
    for (const call of this.#deaths.get(process) ?? []) call();
    this.#deaths.delete(process);
    if (this.#replaced.has(process)) return;
    this.#replaced.add(process);
    const start = (): void => this.#start(service as StatefulService, process.start + 1);
    this.world.wait(`start ${service}`, undefined, start, this.weather.restartMs());
  }

  async close(): Promise<void> {
    for (const { process } of this.#running.values()) process.alive = false;
    await this.store.close();
  }

  async #comeToRest(): Promise<void> {
    await this.world.pass(LAST_WAIT_MS);
    for (let round = 0; round < ROUNDS_MAX && (await this.world.step()); round++);
  }

  #start(service: StatefulService, start: number): void {
    const process = newProcess(service, start, this.weather.skewMs(service));
    const running: { process: Process; service?: RunningService } = { process };
    this.#running.set(service, running);
    const platform = this.#platform(process);
    const module = this.options.laboratory.module(service);
    bootService({ platform, module }).then(
      (booted) => {
        if (process.alive) running.service = booted;
      },
      // A service that cannot start is restarted, as any supervisor does.
      (error: unknown) => {
        this.log.error(`${service} did not start`, {}, error);
        this.crash(process);
      },
    );
  }

  #platform(process: Process): Platform {
    const { world, broker } = this;
    const { service } = process;
    const at: Surroundings = {
      world,
      weather: this.weather,
      process,
      occurrences: this.#occurrences,
      effects: this.effects,
      committed: (cause) => this.history.carriedOut(service, cause),
      crash: (which) => this.crash(which),
      freeze: (which, forMs) => this.freeze(which, forMs),
    };
    const telemetry = new SilentTelemetry();
    const faulty = this.nextRelease.journal(service, new FaultyJournal(this.store.journal(service), at));
    const platform: Platform = {
      service,
      bus: faultyBus(this.store.bus, broker, at),
      journal: this.options.mutation?.journal?.(faulty, at) ?? faulty,
      artifacts: new FaultyArtifacts(this.artifacts, at),
      clock: world.clockOf(process),
      ids: countedIds(service, process.start),
      telemetry,
      log: this.log,
      ...(this.weather.freezes && { replica: { name: `${service}-${process.start}`, jobLeaseMs: LEASE_MS } }),
    };
    return this.options.mutation?.platform?.(platform) ?? platform;
  }

  async #drain(service: string, outbox: Envelope[]): Promise<void> {
    const process = newProcess(service, 1, 0);
    const { world, effects } = this;
    // Who publishes from outside keeps what it must say: its crash is a failure or a lost answer.
    const gentler = {
      'crash-before': 'fail',
      'crash-after': 'lost',
      fail: 'fail',
      lost: 'lost',
      none: 'none',
    } as const;
    const weather: Weather = { ...this.weather, at: (effect) => gentler[this.weather.at(effect)], freezeMs: () => 0 };
    const at: Surroundings = {
      world,
      weather,
      process,
      occurrences: this.#occurrences,
      effects,
      committed: () => undefined,
      crash: () => undefined,
      freeze: () => undefined,
    };
    const bus = faultyBus(this.store.bus, this.broker, at);
    while (outbox.length > 0) {
      try {
        await bus.publish([outbox[0]!]);
        outbox.shift();
      } catch {
        await world.turn(`publish again ${outbox[0]!.id}`, undefined, 500);
      }
    }
  }

  /** The gateways serve the newest routing they have heard of; an older one that comes late changes nothing. */
  #startGateway(): void {
    const process = newProcess('inference-gateway', 1, 0);
    this.broker.subscribe(process, {
      group: 'inference-gateway',
      topics: [topicOf(RoutingChangedSchema)],
      wants: (type) => type === RoutingChangedSchema.typeName,
      handle: (delivery) => {
        const routing: RoutingChanged = fromBinary(RoutingChangedSchema, delivery.payload);
        const isHeeded = this.options.mutation?.heeds?.(routing) ?? true;
        if (isHeeded && routing.epoch > (this.story.routing?.epoch ?? 0n)) this.story.routing = routing;
        return Promise.resolve();
      },
    });
  }
}

export function newProcess(service: string, start: number, skewMs: number): Process {
  return { service, start, alive: true, frozen: false, missed: [], skewMs };
}

/** The same ids in every run; another start of a service has others. */
export function countedIds(service: string, start: number): Ids {
  let count = 0;
  return { next: () => idFrom('simulation', service, String(start), String(++count)) };
}
