import { S3ArtifactStore } from '@rondo/artifacts';
import { ConfigError, parseConfig, type Environment } from '@rondo/config';
import { examineMongo } from '@rondo/journal';
import { messageOf, systemClock } from '@rondo/kernel';
import { examineKafka } from '@rondo/messaging';
import { TokenReader } from '@rondo/security';
import { runtimeConfig, type RuntimeConfig } from './config.js';
import { kafkaOptionsOf, s3AddressOf } from './connections.js';
import { misspeltVariables } from './misspelt.js';

/** One line of a diagnosis. */
export interface Finding {
  /** `settings`, `tokens`, `kafka`, `mongodb` or `bucket`. */
  readonly subject: string;
  readonly isFine: boolean;
  /** What was found; for a problem also what to do. */
  readonly message: string;
}

/** Clocks further apart than this make times in the audit misleading and requests to a bucket be refused. */
const SKEW_MS_MAX = 60_000;
const PRIMARY_MS = 10_000;
const DATE_MS = 5_000;

/**
 * Looks at everything that keeps a service from starting, in the order of its start, and changes nothing: probes that are written
 * are removed again. Yields each finding as soon as it is known; never throws.
 */
export async function* diagnose(environment: Environment): AsyncGenerator<Finding> {
  const config = settingsOf(environment);
  if ('problems' in config) {
    for (const message of config.problems) yield problem('settings', message);
    return;
  }
  const odd = misspeltVariables(environment);
  if (odd.length > 0) yield problem('settings', `no setting is called ${odd.join(', ')}; correct the name`);
  else yield fine('settings', 'every setting is well formed');
  yield await attempt('tokens', () => tokens(config));
  yield* await Promise.all([
    attempt('kafka', () => kafka(config)),
    attempt('mongodb', () => mongodb(config)),
    attempt('bucket', () => bucket(config)),
  ]);
}

const fine = (subject: string, message: string): Finding => ({ subject, isFine: true, message });
const problem = (subject: string, message: string): Finding => ({ subject, isFine: false, message });

async function attempt(subject: string, look: () => Promise<string> | string): Promise<Finding> {
  try {
    return fine(subject, await look());
  } catch (error) {
    return problem(subject, messageOf(error));
  }
}

function settingsOf(environment: Environment): RuntimeConfig | { readonly problems: readonly string[] } {
  try {
    return parseConfig(runtimeConfig, environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { problems: error.problems.map(({ variable, message }) => `${variable}: ${message}`) };
  }
}

function tokens({ tokensFile }: RuntimeConfig): string {
  const known = new TokenReader(tokensFile, systemClock).current();
  if (known.length === 0) throw new Error(`${tokensFile} holds no token; nobody could sign in`);
  return `${tokensFile} holds ${known.length} token${known.length === 1 ? '' : 's'}`;
}

async function kafka(config: RuntimeConfig): Promise<string> {
  const found = await examineKafka({ ...kafkaOptionsOf(config), clientId: 'rondo-doctor' });
  refuseSkew('the Kafka broker', found.skewMs);
  const made = found.missing.length === 0 ? '' : `; ${found.missing.length} missing ones are made at the first start`;
  return `${found.brokers} broker${found.brokers === 1 ? '' : 's'} at ${config.kafkaBrokers.join(', ')}, ${found.topics} topics that suffice${made}`;
}

async function mongodb(config: RuntimeConfig): Promise<string> {
  const { mongodbUrl, mongodbDatabase: database } = config;
  const found = await examineMongo({ url: mongodbUrl.reveal(), database, serverSelectionMs: PRIMARY_MS });
  refuseSkew('MongoDB', found.skewMs);
  return `a replica set of ${found.members}, transactions in database ${database}`;
}

async function bucket(config: RuntimeConfig): Promise<string> {
  const address = s3AddressOf(config);
  const store = new S3ArtifactStore(address);
  try {
    await store.check();
  } finally {
    store.close();
  }
  if (address.endpoint !== undefined) refuseSkew('the S3 server', await skewByDate(address.endpoint));
  return `objects can be written, read and deleted in bucket ${address.bucket}`;
}

/** How far the clock of an HTTP server is ahead of ours at least, in ms: every answer says what time it is, to the second. */
export async function skewByDate(url: string): Promise<number> {
  const sentMs = Date.now();
  const answer = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(DATE_MS) });
  const heardMs = Date.now();
  const dateMs = Date.parse(answer.headers.get('date') ?? '');
  if (Number.isNaN(dateMs)) return 0;
  return dateMs + 1000 < sentMs ? dateMs + 1000 - sentMs : Math.max(0, dateMs - heardMs);
}

/** @throws Error when two clocks are too far apart */
export function refuseSkew(who: string, skewMs: number): void {
  if (Math.abs(skewMs) <= SKEW_MS_MAX) return;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const direction = skewMs > 0 ? 'ahead of' : 'behind';
  throw new Error(
    `the clock of ${who} is ${seconds} s ${direction} the one of this machine; let both keep time by NTP`,
  );
}
