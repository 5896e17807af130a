import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { allTopics, PredictionsLoggedSchema } from '@rondo/contracts';
import { fromBinary } from '@bufbuild/protobuf';
import { systemClock, TransientError } from '@rondo/kernel';
import { parseS3Address, S3ArtifactStore } from '@rondo/artifacts';
import { MongoStore } from '@rondo/journal';
import { KafkaBus, MongoDeliveryRecords, type Envelope } from '@rondo/messaging';
import { TokenFile } from '@rondo/security';
import { JOB_KIND } from '@rondo/service';
import { createLogger } from '@rondo/telemetry';
import { MongoClient, MongoError, type Db } from 'mongodb';
import { exampleDataFolder } from '../src/quickstart/flight-source.js';
import type { QuickstartTarget } from '../src/quickstart/quickstart.js';
import type { Stores } from './remains.js';
import { epochsOf, handledBy } from './scrapes.js';

const LOOK_AGAIN_MS = 50;
const IDLE_WITHIN_MS = 300_000;

/** One process of a service. */
export interface ServiceReplica {
  readonly name: string;
  /** Where it answers probes and scrapes. */
  readonly http: string;
  /** Of the process that runs; undefined before the first start. */
  readonly pid: number | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

interface RunningServices {
  readonly database: string;
  readonly namespace: string;
  readonly tokens: string;
  readonly http: string;
  readonly grpc: string;
  readonly gatewayHttp: string;
  readonly gatewayGrpc: string;
  of(service: string): readonly ServiceReplica[];
  stop(): Promise<void>;
}

interface NativeServices {
  readonly SERVICES: readonly string[];
  startServices(options: {
    folder: string;
    servers: Servers;
    replicas: number;
    environment: Record<string, string>;
  }): Promise<RunningServices>;
}

/** Addresses as `withRealServers` gives them. */
export interface Servers {
  readonly kafka: string;
  readonly mongodb: string;
  readonly s3: string;
}

/** Rondo as processes of their own, several of each, on real servers. */
export class DistributedRondo implements QuickstartTarget {
  readonly door: { readonly httpUrl: string; readonly grpcAddress: string };
  readonly gatewayHttpUrl: string;
  readonly gatewayGrpcAddress: string;
  readonly tokens: TokenFile;
  readonly log = createLogger({ service: 'spec', write: () => undefined });
  /** By id of a request, epoch by endpoint of the routings that were known to all when it was first sent. */
  readonly #predicted = new Map<string, ReadonlyMap<string, number>>();
  readonly #logged = new Set<string>();
  /** Everything that is on the bus, each message once, as it was received. */
  readonly #messages = new Map<string, Envelope>();
  #known: ReadonlyMap<string, number> = new Map();
  /** Known to every process before the story begins: a new token is noticed within a second, not at once. */
  readonly adminToken: string;

  private constructor(
    readonly home: string,
    private readonly services: RunningServices,
    private readonly names: readonly string[],
    private readonly bus: KafkaBus,
    private readonly client: MongoClient,
    private readonly servers: Servers,
  ) {
    this.door = { httpUrl: services.http, grpcAddress: services.grpc };
    this.gatewayHttpUrl = services.gatewayHttp;
    this.gatewayGrpcAddress = services.gatewayGrpc;
    this.tokens = new TokenFile(services.tokens, systemClock);
    this.adminToken = this.tokens.create({ principal: 'spec', roles: ['admin'] }).token;
  }

  /** @param settings of the services, on top of those that the story needs */
  static async start(
    home: string,
    servers: Servers,
    replicas: number,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<DistributedRondo> {
    const inbox = join(home, 'inbox');
    await mkdir(inbox, { recursive: true });
    const script = new URL('../../../deploy/native/services.mjs', import.meta.url).href;
    const native = (await import(script)) as NativeServices;
    const roots = [inbox, exampleDataFolder()].join(',');
    const environment = { RONDO_DATA_ROOTS: roots, RONDO_JOB_LEASE_MS: '5s', ...settings };
    const services = await native.startServices({ folder: home, servers, replicas, environment });
    const client = new MongoClient(servers.mongodb);
    const bus = await KafkaBus.open({
      brokers: [servers.kafka],
      clientId: 'spec',
      namespace: services.namespace,
      topics: allTopics(),
      topicLayout: { partitions: 1 },
      records: await MongoDeliveryRecords.open(client.db(`${services.database}_spec`)),
    });
    const rondo = new DistributedRondo(home, services, native.SERVICES, bus, client, servers);
    await rondo.listen();
    return rondo;
  }

  /** To be told to the quickstart: what was predicted has not come to an end before it is logged. */
  readonly onPredict = (requestId: string): void => {
    if (!this.#predicted.has(requestId)) this.#predicted.set(requestId, this.#known);
  };

  /**
   * Resolves when at one moment everything that was journaled is published, every group has handled everything, no job is left,
   * every gateway answers by the newest routing, and every prediction is logged. Who cannot ask a server that is away looks again.
   * @throws Error naming what goes on when that takes longer than five minutes
   */
  async idle(): Promise<void> {
    const until = performance.now() + IDLE_WITHIN_MS;
    for (;;) {
      const activity = await this.activity().catch(outage);
      if (activity === undefined) return;
      if (performance.now() > until) throw new Error(`Rondo does not come to rest: ${activity}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  /** How many messages of a type, named without its package, all services have journaled. */
  async journaled(type: string): Promise<number> {
    const db = this.client.db(this.services.database);
    const names = this.names.map((service) => `${service}.entry`);
    const ofType = { type: { $regex: `\\.${type}$` } };
    const counts = await Promise.all(names.map((name) => db.collection(name).countDocuments(ofType)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** By service, how many messages each of its replicas has handled since it began. */
  async handled(): Promise<ReadonlyMap<string, readonly number[]>> {
    const counts = new Map<string, readonly number[]>();
    for (const name of this.names)
      counts.set(name, await Promise.all(this.of(name).map((replica) => handledBy(replica, this.adminToken))));
    return counts;
  }

  /** Everything that is on the bus so far, without what is no message of Rondo's. */
  get messages(): readonly Envelope[] {
    return [...this.#messages.values()];
  }

  /** The oldest epoch by which a request may be answered: that of the newest routing when last everything was done before it. */
  dueEpoch(requestId: string, endpoint: string): number {
    return this.#predicted.get(requestId)?.get(endpoint) ?? 0;
  }

  /** Gives what the services keep to be read. */
  async withStores<T>(use: (stores: Stores) => Promise<T>): Promise<T> {
    const { mongodb: url, s3 } = this.servers;
    const store = await MongoStore.open({ url, database: this.services.database, bus: this.bus });
    const artifacts = new S3ArtifactStore(parseS3Address(s3));
    try {
      return await use({ store, artifacts });
    } finally {
      await store.close();
      artifacts.close();
    }
  }

  /** Every service, those first whose part of the API the control-plane forwards. */
  get serviceNames(): readonly string[] {
    return this.names;
  }

  /** What is put before the names of topics and groups. */
  get namespace(): string {
    return this.services.namespace;
  }

  /** Stops and starts every replica, one after the other, as a roll-out of a new version does. */
  async restartAll(whileOneIsAway: () => Promise<void>): Promise<void> {
    for (const name of this.names) {
      for (const replica of this.services.of(name)) {
        await replica.stop();
        await whileOneIsAway();
        await replica.start();
      }
    }
  }

  /** The replicas of a service. */
  of(service: string): readonly ServiceReplica[] {
    return this.services.of(service);
  }

  async stop(): Promise<void> {
    await this.bus.close();
    await this.client.close();
    await this.services.stop();
  }

  private async listen(): Promise<void> {
    await this.bus.subscribe({
      group: 'spec',
      topics: allTopics(),
      handle: (message) => {
        this.#messages.set(message.id, message);
        if (message.type === PredictionsLoggedSchema.typeName)
          this.#logged.add(fromBinary(PredictionsLoggedSchema, message.payload).requestId);
        return Promise.resolve();
      },
    });
  }

  /** What every replica hears is in no group that counts above. One that is away catches up before it answers. */
  private async isServedByTheNewestRouting(db: Db): Promise<boolean> {
    const documents = await db.collection<{ state: string }>('rollout.document').find({ kind: 'routing' }).toArray();
    const newest = documents.map(({ state }) => JSON.parse(state) as { endpoint: string; epoch: number });
    const served = await Promise.all(this.of('inference-gateway').map((gateway) => epochsOf(gateway, this.adminToken)));
    const isServed = served.every(
      (epochs) => !epochs || newest.every(({ endpoint, epoch }) => epochs.get(endpoint) === epoch),
    );
    if (isServed) this.#known = new Map(newest.map(({ endpoint, epoch }) => [endpoint, epoch]));
    return isServed;
  }

  /** Something that is under way, or undefined. */
  private async activity(): Promise<string | undefined> {
    for (const id of this.#predicted.keys()) if (!this.#logged.has(id)) return `the answer to ${id} is not logged`;
    const db = this.client.db(this.services.database);
    const before = await published(db);
    if (!before.isAll) return `entries are not published: ${before.positions}`;
    const jobs = await openJobs(db);
    if (jobs > 0) return `${jobs} jobs are open`;
    // A replica that ended leaves a group behind that nobody reads.
    const lag = await this.bus.lag((group) => !group.includes('@'));
    const behind = lag.find(({ messages }) => messages > 0);
    if (behind) return `${behind.group} has not handled all of ${behind.topic}`;
    if (!(await this.isServedByTheNewestRouting(db))) return 'a gateway answers by an older routing';
    return (await published(db)).positions === before.positions ? undefined : 'entries are written';
  }
}

/** What a question that a server could not be asked tells. */
export function outage(error: unknown): string {
  if (error instanceof TransientError || error instanceof MongoError) return error.message;
  throw error;
}

/** How far each service has journaled, and whether all of it is on the bus. */
async function published(db: Db): Promise<{ readonly isAll: boolean; readonly positions: string }> {
  const [heads, leases] = await Promise.all(
    ['head', 'lease'].map((name) => db.collection<{ _id: string }>(name).find().sort({ _id: 1 }).toArray()),
  );
  const cursors = new Map(leases!.map((lease) => [lease._id, (lease as unknown as { cursor: number }).cursor]));
  const positions = heads!.map((head) => [head._id, (head as unknown as { position: number }).position] as const);
  return {
    isAll: positions.every(([service, position]) => (cursors.get(service) ?? 0) >= position),
    positions: JSON.stringify(positions),
  };
}

/** Jobs to be run, among them those that wait for another attempt. */
async function openJobs(db: Db): Promise<number> {
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
  const counts = names
    .filter((name) => name.endsWith('.document'))
    .map((name) =>
      db.collection(name).countDocuments({ kind: JOB_KIND, 'index.status': { $in: ['queued', 'running', 'waiting'] } }),
    );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
