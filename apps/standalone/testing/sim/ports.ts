import type { ArtifactStore, StoredArtifact } from '@rondo/artifacts';
import type { Cause, EntryQuery, Journal, ListQuery, Once, Unit } from '@rondo/journal';
import { TransientError } from '@rondo/kernel';
import type { Bus, Envelope, SqliteBus } from '@rondo/messaging';
import type { SimulatedBroker } from './broker.js';
import type { Effect, Fault, Weather } from './faults.js';
import { never, type Process, type World } from './world.js';

/** What the faulty ports of one process share. */
export interface Surroundings {
  readonly world: World;
  readonly weather: Weather;
  readonly process: Process;
  /** How often each effect was about to happen; with its label it names the effect. */
  readonly occurrences: Map<string, number>;
  /** Every effect that happened or failed, in order. */
  readonly effects: Effect[];
  /** Told of every cause that was carried out. */
  committed(cause: Cause): void;
  /** Ends the process here and now. */
  crash(process: Process): void;
  /** Lets the process stand still for a while, and another one do its work. */
  freeze(process: Process, forMs: number): void;
}

/** Waits for its turn; perhaps the process stands still before it comes. */
async function turn(at: Surroundings, label: string): Promise<void> {
  const { world, weather, process } = at;
  await world.turn(label, process);
  const forMs = weather.freezeMs(process.service);
  if (forMs === 0) return;
  at.freeze(process, forMs);
  await world.turn(`after standing still: ${label}`, process);
}

/** Lets an effect happen, or not, as the weather wants. `act` is the effect. */
async function attempt<T>(
  at: Surroundings,
  effect: Omit<Effect, 'name' | 'service'>,
  label: string,
  act: () => Promise<T>,
): Promise<T> {
  await turn(at, label);
  const fault = faultAt(at, effect, label);
  if (fault === 'crash-before') return die(at);
  if (fault === 'fail') throw new TransientError(`injected: ${label} failed`);
  const result = await act();
  if (fault === 'crash-after') return die(at);
  if (fault === 'lost') throw new TransientError(`injected: the answer to ${label} was lost`);
  return at.process.alive ? result : never();
}

function faultAt(at: Surroundings, effect: Omit<Effect, 'name' | 'service'>, label: string): Fault {
  const occurrence = (at.occurrences.get(label) ?? 0) + 1;
  at.occurrences.set(label, occurrence);
  const named: Effect = { ...effect, service: at.process.service, name: `${label} #${occurrence}` };
  at.effects.push(named);
  return at.weather.at(named);
}

function die<T>(at: Surroundings): Promise<T> {
  at.crash(at.process);
  return never();
}

/** Units of work inside a durable job: its end, what an evaluation opens, the forgetting of what was served. */
const IN_JOBS: ReadonlySet<string> = new Set(['jobs', 'sealed-test', 'alpha-look', 'forget-served']);

/** A journal whose commits wait for their turn and may fail, be lost or be the last thing the process did. */
export class FaultyJournal implements Journal {
  constructor(
    private readonly inner: Journal,
    private readonly at: Surroundings,
  ) {}

  async once<T>(cause: Cause, work: (unit: Unit) => Promise<T> | T): Promise<Once<T>> {
    const { process } = this.at;
    if (!process.alive) return never();
    const label = `commit ${process.service} ${cause.consumer} ${cause.messageId}`;
    const costsAttempt = IN_JOBS.has(cause.consumer);
    let fault: Fault = 'none';
    const result = await this.inner.once(cause, async (unit) => {
      const value = await work(unit);
      await turn(this.at, label);
      fault = faultAt(this.at, { kind: 'commit', costsAttempt }, label);
      if (fault === 'crash-before') return die<T>(this.at);
      if (fault === 'fail') throw new TransientError(`injected: ${label} failed`);
      return value;
    });
    if (result.outcome === 'done') this.at.committed(cause);
    const after = fault as Fault;
    if (after === 'crash-after') return die(this.at);
    if (after === 'lost') throw new TransientError(`injected: the answer to ${label} was lost`);
    return process.alive ? result : never();
  }

  load: Journal['load'] = (kind, id) => this.#alive(() => this.inner.load(kind, id));
  list: Journal['list'] = (kind: string, query?: ListQuery) => this.#alive(() => this.inner.list(kind, query));
  count: Journal['count'] = (kind, where) => this.#alive(() => this.inner.count(kind, where));
  history: Journal['history'] = (kind, id) => this.#alive(() => this.inner.history(kind, id));
  entries: Journal['entries'] = (query: EntryQuery) => this.#alive(() => this.inner.entries(query));
  verify: Journal['verify'] = () => this.#alive(() => this.inner.verify());

  #alive<T>(read: () => Promise<T>): Promise<T> {
    return this.at.process.alive ? read() : never();
  }
}

/** An artifact store whose writes may fail or be lost. */
export class FaultyArtifacts implements ArtifactStore {
  constructor(
    private readonly inner: ArtifactStore,
    private readonly at: Surroundings,
  ) {}

  put(bytes: Uint8Array): Promise<StoredArtifact> {
    return this.#stored(`put ${this.at.process.service} bytes`, () => this.inner.put(bytes));
  }

  putFile(path: string): Promise<StoredArtifact> {
    return this.#stored(`put ${this.at.process.service} file ${path.split('/').at(-1)}`, () =>
      this.inner.putFile(path),
    );
  }

  get: ArtifactStore['get'] = (digest, options) => this.inner.get(digest, options);
  has: ArtifactStore['has'] = (digest) => this.inner.has(digest);
  withFile: ArtifactStore['withFile'] = (digest, use) => this.inner.withFile(digest, use);

  #stored(label: string, act: () => Promise<StoredArtifact>): Promise<StoredArtifact> {
    return attempt(this.at, { kind: 'put', costsAttempt: true }, label, act);
  }
}

/** The bus as one process sees it: its publications may fail or be lost, its deliveries come from the simulated broker. */
export function faultyBus(bus: SqliteBus, broker: SimulatedBroker, at: Surroundings): Bus {
  return {
    system: bus.system,
    publish: (messages: readonly Envelope[]) => {
      const label = `publish ${at.process.service} ${messages.map(({ id }) => id).join(' ')}`;
      return attempt(at, { kind: 'publish', costsAttempt: false }, label, () => bus.publish(messages));
    },
    subscribe: (options) => Promise.resolve(broker.subscribe(at.process, options)),
    parked: { list: () => Promise.resolve([...broker.parked]), replay: () => Promise.resolve(false) },
    lag: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}
