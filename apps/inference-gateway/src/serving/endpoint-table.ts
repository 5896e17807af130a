import { assert, backoffMs, messageOf, PermanentError, TransientError, type Clock } from '@rondo/kernel';
import type { LoadedModel } from '@rondo/models';
import type { Logger } from '@rondo/telemetry';
import { modelsOf, supersedes, type ServedModel, type ServedRouting } from '../domain/served-routing.js';
import { EndpointServer, placeOf, type ServingParts } from './endpoint-server.js';
import type { Place } from './model-pool.js';
import type { StateFolder } from './state-folder.js';

const RETRY = { initialMs: 200, factor: 2, maxMs: 10_000 };

interface Entry {
  /** Newest routing heard of. */
  wanted: ServedRouting;
  /** What serves; lags behind `wanted` while models load. */
  active: EndpointServer | undefined;
  /** `wanted` is on this machine's disk. */
  isKept: boolean;
}

/**
 * What each endpoint serves. A newer routing is kept on disk first, then its models are loaded, then it takes over; until then
 * the one before goes on serving. A champion that cannot be loaded is tried again; a candidate that cannot be loaded serves
 * nothing and counts as failing. A disk that is full holds up no routing, least of all one that takes a bad model back: it is
 * written when there is room.
 */
export class EndpointTable {
  readonly #entries = new Map<string, Entry>();
  readonly #preparing = new Set<Promise<void>>();
  readonly #cancelRetries = new Set<() => void>();
  #closed = false;

  constructor(
    private readonly parts: ServingParts,
    private readonly folder: StateFolder,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** Serves what was served before the restart. */
  async restore(): Promise<void> {
    await this.folder.open();
    for (const routing of await this.folder.routings()) this.#take(routing, true);
    await this.settled();
  }

  /** Takes a routing if it is newer; when it resolves it is on disk, if that has room. Loading goes on afterwards. */
  async apply(routing: ServedRouting): Promise<boolean> {
    if (!supersedes(routing, this.#entries.get(routing.endpoint)?.wanted)) return false;
    const isKept = await this.folder.saveRouting(routing).then(
      () => true,
      () => false,
    );
    if (!supersedes(routing, this.#entries.get(routing.endpoint)?.wanted)) return false;
    this.#take(routing, isKept);
    return true;
  }

  /** The server of an endpoint. @throws `not-found` for an unknown endpoint, TransientError while its champion loads */
  serving(endpoint: string): EndpointServer {
    const entry = this.#entries.get(endpoint);
    if (entry?.active) return entry.active;
    if (entry) throw new TransientError(`the champion of ${endpoint} is not loaded yet`, { afterMs: 1_000 });
    throw new PermanentError('not-found', `there is no endpoint "${endpoint.slice(0, 100)}"`, {
      field: 'endpoint',
      value: endpoint.slice(0, 100),
      rule: 'is served here',
    });
  }

  /** Newest routing heard of. @throws `not-found` */
  routingOf(endpoint: string): ServedRouting {
    return this.#entries.get(endpoint)?.wanted ?? this.serving(endpoint).routing;
  }

  /** A version that is loaded, of those the endpoint's routing names. @throws `not-found` */
  version(server: EndpointServer, version: string): ServedModel {
    const found = modelsOf(server.routing).find(
      (model) => String(model.version) === version && this.#isLoaded(server.routing, model),
    );
    if (found) return found;
    throw new PermanentError(
      'not-found',
      `${server.routing.endpoint} has no version "${version.slice(0, 20)}" loaded`,
      {
        field: 'version',
        value: version.slice(0, 20),
        rule: 'is the champion, the candidate or the previous champion',
      },
    );
  }

  /** The loaded file of a version that {@link version} found. */
  modelOf(server: EndpointServer, version: ServedModel): LoadedModel {
    const model = this.parts.pool.loaded(version.digest, placeOf(server.routing, version));
    assert(model, `version ${version.version} of ${version.name} is not loaded`);
    return model;
  }

  /** Versions that can be asked for, champion first. */
  versionsOf(server: EndpointServer): string[] {
    return modelsOf(server.routing)
      .filter((model) => this.#isLoaded(server.routing, model))
      .map((model) => String(model.version));
  }

  /** True when every endpoint serves. */
  get ready(): boolean {
    return [...this.#entries.values()].every((entry) => entry.active !== undefined);
  }

  /** Resolves when no routing is being prepared. */
  async settled(): Promise<void> {
    while (this.#preparing.size > 0) await Promise.all(this.#preparing);
  }

  /** Stops retries. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#cancelRetries) cancel();
  }

  #take(routing: ServedRouting, isKept: boolean): void {
    const active = this.#entries.get(routing.endpoint)?.active;
    this.#entries.set(routing.endpoint, { wanted: routing, active, isKept });
    this.#start(this.#prepare(routing, 1));
  }

  #start(work: Promise<void>): void {
    const preparing = work.finally(() => this.#preparing.delete(preparing));
    this.#preparing.add(preparing);
  }

  async #prepare(routing: ServedRouting, attempt: number): Promise<void> {
    let champion: LoadedModel;
    try {
      champion = await this.parts.pool.ensure(routing.champion.digest, 'serving');
    } catch (error) {
      this.log.error(
        'the champion cannot be loaded',
        { 'rondo.endpoint': routing.endpoint, 'rondo.attempt': attempt },
        error,
      );
      return this.#later(routing, attempt, (next) => this.#prepare(routing, next));
    }
    const candidate = routing.candidate && (await this.#optional(routing, routing.candidate));
    if (routing.previousChampion) await this.#optional(routing, routing.previousChampion);
    const entry = this.#entries.get(routing.endpoint);
    if (entry?.wanted !== routing) return;
    entry.active = new EndpointServer(routing, champion, candidate, this.parts);
    this.parts.serves(routing);
    await this.#forgetOthers();
    await this.#keep(entry, 1);
  }

  /** What the disk did not take is written once there is room, so that a restart finds it. */
  async #keep(entry: Entry, attempt: number): Promise<void> {
    const routing = entry.wanted;
    try {
      await this.parts.pool.keepCopies(modelsOf(routing).map(({ digest }) => digest));
      if (!entry.isKept) await this.folder.saveRouting(routing);
      entry.isKept = true;
    } catch (error) {
      const fields = { 'rondo.endpoint': routing.endpoint, 'rondo.attempt': attempt };
      this.log.error('a routing is served that this machine cannot keep for a restart', fields, error);
      this.#later(routing, attempt, (next) => this.#keep(entry, next));
    }
  }

  async #optional(routing: ServedRouting, model: ServedModel): Promise<LoadedModel | undefined> {
    try {
      return await this.parts.pool.ensure(model.digest, placeOf(routing, model));
    } catch (error) {
      this.log.warn('a model cannot be loaded', {
        'rondo.endpoint': routing.endpoint,
        'rondo.model.version': `${model.name}/${model.version}`,
        error: messageOf(error),
      });
      return undefined;
    }
  }

  /** Tries again after a while, unless another routing is wanted by then. */
  #later(routing: ServedRouting, attempt: number, work: (attempt: number) => Promise<void>): void {
    if (this.#closed) return;
    const atMs = this.clock.now() + backoffMs(RETRY, attempt, Math.random());
    const cancel = this.clock.wakeAt(atMs, () => {
      this.#cancelRetries.delete(cancel);
      if (this.#entries.get(routing.endpoint)?.wanted === routing) this.#start(work(attempt + 1));
    });
    this.#cancelRetries.add(cancel);
  }

  #isLoaded(routing: ServedRouting, model: ServedModel): boolean {
    return this.parts.pool.loaded(model.digest, placeOf(routing, model)) !== undefined;
  }

  async #forgetOthers(): Promise<void> {
    const kept: Record<Place, Set<string>> = { serving: new Set(), trial: new Set() };
    for (const { wanted, active } of this.#entries.values()) {
      for (const routing of active ? [wanted, active.routing] : [wanted])
        for (const model of modelsOf(routing)) kept[placeOf(routing, model)].add(model.digest);
    }
    await this.parts.pool.retain(kept);
  }
}
