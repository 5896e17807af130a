import { messageOf, PermanentError } from '@rondo/kernel';
import {
  MongoClient,
  MongoParseError,
  MongoServerError,
  MongoServerSelectionError,
  ReadConcern,
  type Db,
  type Document,
} from 'mongodb';

/** Name under which the server knows the connections of this installation. */
export const APP_NAME = 'rondo';
const CLOCK_SKEW_MS_MAX = 60_000;
const PROBE_MS = 2000;
const SOCKET_MS = 45_000;
const CAUGHT_UP_MS = 10_000;
const AUTHENTICATION_FAILED = 18;
const UNAUTHORIZED = 13;
const OLDEST_WIRE_VERSION = 17;

/** Where a store lives. */
export interface MongoAddress {
  /** Connection string of a replica set. */
  readonly url: string;
  readonly database: string;
  /** How long to look for a primary, in ms. */
  readonly serverSelectionMs: number;
}

/**
 * Connects and makes sure that the promises of the journal can be kept: a replica set (transactions), majority writes and
 * reads, a clock near the server's.
 * @throws PermanentError saying what to do: `invalid` (connection string), `unavailable` (address), `unauthenticated`, `denied`,
 *   `failed-precondition` (no replica set, too old, clocks apart, weaker concerns asked for)
 */
export async function connect(address: MongoAddress): Promise<MongoClient> {
  const client = clientOf(address);
  try {
    const sentMs = Date.now();
    const hello = await client.db('admin').command({ hello: 1 });
    checkServer(hello, hostsOf(client), sentMs);
    // A read that needs rights and a majority: what is wrong with either shows now, not in the first unit of work.
    await client.db(address.database).collection('meta').findOne({}, { maxTimeMS: address.serverSelectionMs });
    return client;
  } catch (error) {
    const explained = await explain(error, address, hostsOf(client));
    await client.close();
    throw explained;
  }
}

function clientOf({ url, serverSelectionMs }: MongoAddress): MongoClient {
  let client: MongoClient;
  try {
    client = new MongoClient(url, {
      appName: APP_NAME,
      serverSelectionTimeoutMS: serverSelectionMs,
      ignoreUndefined: true,
      promoteBuffers: true,
      maxPoolSize: 32,
      // A server that is frozen must not freeze its clients.
      socketTimeoutMS: SOCKET_MS,
    });
  } catch (error) {
    // Not handed on as a cause: it may hold the connection string, and that a password.
    throw new PermanentError('invalid', `the MongoDB connection string cannot be used: ${messageOf(error)}`, {
      field: 'url',
      rule: 'mongodb://[user:password@]host:port[,host:port]/?replicaSet=NAME',
    });
  }
  const { writeConcern, readConcern, readPreference } = client.options;
  refuseOther('w', writeConcern?.w, 'majority');
  refuseOther('readConcernLevel', readConcern?.level, 'majority');
  refuseOther('readPreference', readPreference?.mode, 'primary');
  return client;
}

/** What a connection string asks for must not be weaker than what the journal sets on every operation. */
function refuseOther(field: string, value: unknown, rule: string): void {
  if (value === undefined || value === rule) return;
  throw new PermanentError(
    'failed-precondition',
    `the MongoDB connection string asks for ${field}=${String(value)}; take it out`,
    {
      field: `url.${field}`,
      value,
      rule,
    },
  );
}

/** Options of every database handle: what the journal reads and writes, a majority has. */
export const MAJORITY = { readConcern: new ReadConcern('majority'), writeConcern: { w: 'majority' } } as const;

/**
 * Resolves when the primary knows that a majority has everything acknowledged so far: a linearizable read waits for a majority to
 * confirm a write of its own.
 */
export async function caughtUp(db: Db): Promise<void> {
  await db
    .collection('meta')
    .findOne({ _id: 'schema' as never }, { readConcern: { level: 'linearizable' }, maxTimeMS: CAUGHT_UP_MS });
}

const hostsOf = (client: MongoClient): string => client.options.hosts.map(String).join(', ');

function checkServer(hello: Document, hosts: string, sentMs: number): void {
  if (hello['msg'] === 'isdbgrid') {
    throw new PermanentError(
      'failed-precondition',
      `MongoDB at ${hosts} is a sharded cluster; use a replica set of its own`,
      { field: 'url', rule: 'a replica set' },
    );
  }
  if (typeof hello['setName'] !== 'string') throw standalone(hosts);
  if (Number(hello['maxWireVersion']) < OLDEST_WIRE_VERSION) {
    throw new PermanentError('failed-precondition', `MongoDB at ${hosts} is older than 6.0; upgrade it`, {
      field: 'url',
      value: hello['maxWireVersion'],
      rule: 'MongoDB 6.0 or newer',
    });
  }
  const receivedMs = Date.now();
  const serverMs = (hello['localTime'] as Date).getTime();
  const skewMs = serverMs < sentMs ? sentMs - serverMs : Math.max(0, serverMs - receivedMs);
  if (skewMs > CLOCK_SKEW_MS_MAX) {
    throw new PermanentError(
      'failed-precondition',
      `the clock of this machine and that of MongoDB at ${hosts} are ${Math.round(skewMs / 1000)} s apart; let both keep time by NTP`,
      { field: 'clock', value: skewMs, rule: `at most ${CLOCK_SKEW_MS_MAX} ms apart` },
    );
  }
}

function standalone(hosts: string, cause?: unknown): PermanentError {
  return new PermanentError(
    'failed-precondition',
    `MongoDB at ${hosts} is a standalone server, which has no transactions; start mongod with --replSet NAME, run rs.initiate() once, and use mongodb://HOST:PORT/?replicaSet=NAME`,
    { field: 'url', rule: 'a replica set (one node is enough)', cause },
  );
}

async function explain(error: unknown, address: MongoAddress, hosts: string): Promise<unknown> {
  if (error instanceof MongoServerSelectionError) return explainSelection(error, address, hosts);
  if (error instanceof MongoParseError) {
    return new PermanentError('invalid', `the MongoDB connection string cannot be used: ${error.message}`, {
      field: 'url',
      cause: error,
    });
  }
  if (!(error instanceof MongoServerError)) return error;
  if (error.code === AUTHENTICATION_FAILED) {
    return new PermanentError(
      'unauthenticated',
      `MongoDB at ${hosts} does not accept the user and password of the connection string; check both, and authSource`,
      { field: 'url', rule: 'credentials that the server knows', cause: error },
    );
  }
  if (error.code === UNAUTHORIZED) {
    return new PermanentError(
      'denied',
      `the user of the MongoDB connection string may not use database ${address.database}; grant it readWrite there`,
      { field: 'database', value: address.database, rule: 'role readWrite', cause: error },
    );
  }
  return error;
}

/** Nobody could be selected: asks the servers themselves why. */
async function explainSelection(
  error: MongoServerSelectionError,
  address: MongoAddress,
  hosts: string,
): Promise<unknown> {
  const described = [...(error.reason?.servers.values() ?? [])];
  const rejected = described.map(({ error: own }) => own).find((own) => own instanceof MongoServerError);
  if (rejected) return explain(rejected, address, hosts);
  const answers = await Promise.all(hosts.split(', ').map(probe));
  const hello = answers.find((answer) => answer !== undefined);
  if (!hello) {
    return new PermanentError(
      'unavailable',
      `no MongoDB answers at ${hosts} (${error.message}); check host and port, and that mongod runs`,
      { field: 'url', value: hosts, rule: 'the address of a running replica set', cause: error },
    );
  }
  if (hello['setName'] === undefined && hello['isreplicaset'] === undefined) return standalone(hosts, error);
  if (hello['setName'] === undefined) {
    return new PermanentError(
      'failed-precondition',
      `the replica set at ${hosts} was never initiated; run rs.initiate() once`,
      {
        field: 'url',
        rule: 'an initiated replica set',
        cause: error,
      },
    );
  }
  const members = ((hello['hosts'] as string[] | undefined) ?? []).join(', ');
  return new PermanentError(
    'unavailable',
    `MongoDB at ${hosts} answers as replica set ${hello['setName']} with members ${members}, but no primary can be reached (${error.message}); check replicaSet in the connection string, and that this machine can reach every member by that name`,
    { field: 'url', value: members, rule: 'a reachable primary', cause: error },
  );
}

async function probe(host: string): Promise<Document | undefined> {
  const client = new MongoClient(`mongodb://${host}/?directConnection=true`, { serverSelectionTimeoutMS: PROBE_MS });
  try {
    return await client.db('admin').command({ hello: 1 });
  } catch {
    return undefined;
  } finally {
    await client.close();
  }
}
