import { messageOf, PermanentError, TransientError } from '@rondo/kernel';
import kafkajs from 'kafkajs';
import { letIdleConnectionsSleep } from './idle-connections.js';
import type { BusLog, KafkaBusOptions } from './kafka-bus-options.js';
import { decodeRecordsOnce } from './record-decoder.js';
import { encodeRecordsOnce } from './record-encoder.js';

const CONNECTION_TIMEOUT_MS = 3000;
const REQUEST_TIMEOUT_MS = 30_000;
/** About ten seconds in all: a broker that restarts is waited for, one that stays away is reported. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 2000, retries: 8 };
/** At start a wrong address is told sooner. */
const START_RETRY = { initialRetryTime: 200, maxRetryTime: 1000, retries: 3 };

encodeRecordsOnce();
decodeRecordsOnce();

/** A kafkajs client as the bus wants it; `starting` gives up sooner. */
export function kafkaClient(
  options: Omit<KafkaBusOptions, 'records'>,
  starting = false,
  socketFactory?: kafkajs.ISocketFactory,
): kafkajs.Kafka {
  letIdleConnectionsSleep();
  const { brokers, clientId, ssl, sasl, log } = options;
  return new kafkajs.Kafka({
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    authenticationTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: starting ? START_RETRY : RETRY,
    logLevel: log && !starting ? kafkajs.logLevel.WARN : kafkajs.logLevel.NOTHING,
    ...(log && { logCreator: () => logEntries(log) }),
    ...(ssl !== undefined && { ssl }),
    ...(socketFactory && { socketFactory }),
    // kafkajs writes into the object it is given.
    ...(sasl && { sasl: { ...sasl } as kafkajs.SASLOptions }),
  });
}

/** Where kafkajs tells of each try, several a second while a broker is away; the bus says itself that it is. */
const OF_EACH_TRY = new Set(['Connection', 'BrokerPool']);

/** What kafkajs calls an error is mostly a retry; the bus speaks for itself when it gives up. */
function logEntries(log: BusLog): (entry: kafkajs.LogEntry) => void {
  return ({ level, namespace, log: { message, ...fields } }) => {
    const known: Record<string, string> = { component: `kafkajs ${namespace}` };
    for (const name of ['groupId', 'broker', 'error'])
      if (typeof fields[name] === 'string') known[name] = fields[name].slice(0, 500);
    const spoken = level === kafkajs.logLevel.ERROR ? 'warn' : 'info';
    log[OF_EACH_TRY.has(namespace) ? 'debug' : spoken](message, known);
  };
}

/** The error at the bottom: kafkajs wraps what made it give up, and gathers what went wrong with several topics. */
function rootOf(error: unknown): Error & { readonly type?: string; readonly code?: unknown } {
  let root: unknown = error ?? new Error('unknown');
  for (;;) {
    const { cause, errors } = root as { readonly cause?: unknown; readonly errors?: readonly unknown[] };
    const inner = Array.isArray(errors) ? errors[0] : cause;
    if (!(inner instanceof Error)) break;
    root = inner;
  }
  return root instanceof Error ? root : new Error(String(root));
}

function isAboutCredentials({ name, type = '' }: { readonly name: string; readonly type?: string }): boolean {
  return name === 'KafkaJSSASLAuthenticationError' || /SASL/.test(type);
}

/** True for what no waiting cures: credentials, rights, versions. */
export function isHopeless(error: unknown): boolean {
  const root = rootOf(error);
  return isAboutCredentials(root) || /AUTHORIZATION_FAILED|UNSUPPORTED/.test(root.type ?? '');
}

/** True while a broker does not know a topic, or who leads it. */
export function isUnknownTopic(error: unknown): boolean {
  return /^(UNKNOWN_TOPIC_OR_PARTITION|LEADER_NOT_AVAILABLE)$/.test(rootOf(error).type ?? '');
}

/** Says in one message what keeps the bus from starting and what to do. */
export function startError(error: unknown, options: Omit<KafkaBusOptions, 'records'>): Error {
  if (error instanceof PermanentError) return error;
  const { brokers, sasl, ssl } = options;
  const root = rootOf(error);
  const where = brokers.join(', ');
  if (isAboutCredentials(root)) {
    const who = sasl ? `user ${JSON.stringify(sasl.username)} (${sasl.mechanism})` : 'a client without credentials';
    const why = root.type === undefined ? '' : `: ${root.message}`;
    return new PermanentError(
      'unauthenticated',
      `Kafka at ${where} refuses ${who}${why}; check user, password and mechanism, and that this address wants credentials at all`,
      { field: 'sasl', value: sasl?.username, rule: 'credentials that the brokers accept', cause: error },
    );
  }
  if (/AUTHORIZATION_FAILED/.test(root.type ?? '')) {
    return new PermanentError(
      'denied',
      `Kafka at ${where} denies what the bus needs: ${root.message}; grant the rights that the README of @rondo/messaging lists`,
      {
        field: 'sasl',
        value: sasl?.username,
        rule: 'rights to make, read and write the topics and groups',
        cause: error,
      },
    );
  }
  if (root.type !== undefined) {
    return new PermanentError(
      'unavailable',
      `Kafka at ${where} answers, but not as the bus needs: ${root.message}; see the brokers' logs`,
      {
        field: 'brokers',
        value: where,
        rule: 'brokers that are ready',
        cause: error,
      },
    );
  }
  const spoken = `${ssl ? 'TLS' : 'no TLS'}, ${sasl ? `SASL ${sasl.mechanism}` : 'no SASL'}`;
  return new PermanentError(
    'unavailable',
    `no Kafka broker answers at ${where}: ${root.message}; check the addresses, that the brokers run, and that they expect ${spoken}`,
    { field: 'brokers', value: where, rule: 'host:port of a broker that answers', cause: error },
  );
}

/** For calls on a running bus: worth another try. */
export function transient(what: string, error: unknown): TransientError {
  return error instanceof TransientError ? error : new TransientError(`${what}: ${messageOf(error)}`, { cause: error });
}
