/**
 * A real Kafka broker (KRaft, one node) without Docker: the jars come from Maven Central, the process is Java 17.
 * The same folder and port give the same broker again, after `stop` as after `kill`.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import kafkajs from 'kafkajs';
import { freePort } from './free-port.mjs';

const POM = fileURLToPath(new URL('kafka/pom.xml', import.meta.url));
const LOG4J = fileURLToPath(new URL('kafka/log4j2.properties', import.meta.url));
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
const READY_MS_MAX = 120_000;
const STOP_MS_MAX = 30_000;
/** Of a key that lives as long as a test. */
const STORE_PASSWORD = 'of-a-test';
const SCRAM = 'SCRAM-SHA-512';

/** Runs a program to its end; throws with the tail of what it said when it fails. */
async function run(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said = (said + chunk).slice(-4000)));
  const failed = once(child, 'error').then(([error]) => Promise.reject(error));
  const [code] = await Promise.race([once(child, 'close'), failed]);
  if (code !== 0) throw new Error(`${command} ${args[0]} ended with ${code}:\n${said}`);
}

/** Folder of the jars; fetched once per version of the pom. */
async function jars(log) {
  const cache = process.env['RONDO_NATIVE_CACHE'] ?? join(homedir(), '.cache', 'rondo-native');
  const version = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12);
  const folder = join(cache, `kafka-${version}`);
  if (existsSync(folder)) return folder;
  log('fetching Kafka from Maven Central');
  mkdirSync(cache, { recursive: true });
  // Made beside its place and moved there whole, so that nobody ever sees half of it.
  const making = mkdtempSync(join(cache, 'kafka-making-'));
  try {
    await run('mvn', ['-B', '-q', '-f', POM, COPY, `-DoutputDirectory=${making}`, '-DincludeScope=runtime']);
    if (!existsSync(folder)) renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}

/** Ports are kept in the folder: a broker that comes back must be found where it was. */
async function portsOf(folder, port) {
  const file = join(folder, 'ports.json');
  const kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const ports = {
    broker: port || kept.broker || (await freePort()),
    controller: kept.controller ?? (await freePort()),
  };
  writeFileSync(file, JSON.stringify(ports));
  return ports;
}

/** Key and certificate of a broker that clients reach by TLS, made once; the certificate in PEM. */
async function certificateOf(folder) {
  const [store, pem] = ['broker.p12', 'broker.pem'].map((name) => join(folder, name));
  if (!existsSync(pem)) {
    const at = ['-keystore', store, '-storetype', 'PKCS12', '-storepass', STORE_PASSWORD, '-alias', 'broker'];
    const names = ['-dname', 'CN=127.0.0.1', '-ext', 'san=ip:127.0.0.1'];
    await run('keytool', ['-genkeypair', '-keyalg', 'EC', '-validity', '30', ...names, ...at]);
    await run('keytool', ['-exportcert', '-rfc', '-file', pem, ...at]);
  }
  return readFileSync(pem, 'utf8');
}

function properties(folder, ports, sasl, tls) {
  const address = `127.0.0.1:${ports.broker}`;
  const lines = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `CLIENT://${address},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': `CLIENT://${address}`,
    'inter.broker.listener.name': 'CLIENT',
    'listener.security.protocol.map': `CLIENT:${sasl ? 'SASL_' : ''}${tls ? 'SSL' : 'PLAINTEXT'},CONTROLLER:PLAINTEXT`,
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // Tests start and end many groups, and want dead members noticed soon.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
  };
  if (sasl) {
    const { username, password } = sasl;
    const who = `username="${username}" password="${password}"`;
    const modules = 'org.apache.kafka.common.security';
    lines['sasl.enabled.mechanisms'] = `PLAIN,${SCRAM}`;
    lines['sasl.mechanism.inter.broker.protocol'] = 'PLAIN';
    lines['listener.name.client.plain.sasl.jaas.config'] =
      `${modules}.plain.PlainLoginModule required ${who} user_${username}="${password}";`;
    lines[`listener.name.client.${SCRAM.toLowerCase()}.sasl.jaas.config`] =
      `${modules}.scram.ScramLoginModule required;`;
    lines['authorizer.class.name'] = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer';
    // The controller's own listener knows nobody by name.
    lines['super.users'] = `User:${username};User:ANONYMOUS`;
  }
  for (const kind of tls ? ['key', 'trust'] : []) {
    lines[`ssl.${kind}store.location`] = join(folder, 'broker.p12');
    lines[`ssl.${kind}store.type`] = 'PKCS12';
    lines[`ssl.${kind}store.password`] = STORE_PASSWORD;
  }
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** True when a broker answers a metadata request. */
async function answers(address, ssl, sasl) {
  const kafka = new kafkajs.Kafka({
    brokers: [address],
    clientId: 'ready-check',
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 2000,
    retry: { retries: 0 },
    ...(ssl && { ssl }),
    ...(sasl && { sasl: { mechanism: 'plain', ...sasl } }),
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length > 0;
  } catch {
    return false;
  } finally {
    await admin.disconnect();
  }
}

/**
 * Starts a broker whose data lives in `folder`.
 * @param {{ folder: string, port?: number, log?: (line: string) => void, sasl?: { username: string, password: string, others?: Record<string, string> }, tls?: boolean }} options
 *   `port` 0 takes a free one, or the one the folder had before; with `sasl` clients must log in: the named user (mechanism PLAIN)
 *   may do everything, `others` (password by name; SCRAM-SHA-512) what access control lists allow them; with `tls` they speak TLS
 * @returns {Promise<{ address: string, certificate?: string, pid: number, stop(): Promise<void>, kill(): Promise<void> }>} `stop` lets it
 *   end in order, `kill` is SIGKILL; `certificate` in PEM is what clients that speak TLS trust
 */
export async function start({ folder, port = 0, log = () => undefined, sasl, tls = false }) {
  const classpath = join(await jars(log), '*');
  mkdirSync(folder, { recursive: true });
  const ports = await portsOf(folder, port);
  const address = `127.0.0.1:${ports.broker}`;
  const config = join(folder, 'server.properties');
  writeFileSync(config, properties(folder, ports, sasl, tls));
  const certificate = tls ? await certificateOf(folder) : undefined;
  const ssl = certificate && { ca: certificate };
  if (!existsSync(join(folder, 'data', 'meta.properties'))) {
    // One that begins with a dash would be taken for an option.
    const clusterId = createHash('md5').update(folder).digest('base64url').slice(0, 22).replace(/^-/, 'A');
    const format = ['format', '--standalone', '--cluster-id', clusterId, '--config', config];
    for (const [name, password] of Object.entries(sasl?.others ?? {}))
      format.push('--add-scram', `${SCRAM}=[name=${name},password=${password}]`);
    await run('java', [`-Dlog4j2.configurationFile=${LOG4J}`, '-cp', classpath, 'kafka.tools.StorageTool', ...format]);
  }
  const heap = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=4'];
  const java = [...heap, `-Dlog4j2.configurationFile=${LOG4J}`, '-cp', classpath, 'kafka.Kafka', config];
  const child = spawn('java', java, { stdio: ['ignore', 'pipe', 'pipe'] });
  const logFile = join(folder, 'broker.log');
  const output = createWriteStream(logFile, { flags: 'a' });
  for (const stream of [child.stdout, child.stderr]) stream.pipe(output, { end: false });
  let ended = false;
  const end = once(child, 'exit').then(() => (ended = true));
  const until = performance.now() + READY_MS_MAX;
  while (!(await answers(address, ssl, sasl))) {
    if (ended || performance.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`Kafka does not answer at ${address}; it said:\n${readFileSync(logFile, 'utf8').slice(-4000)}`);
    }
    await delay(250);
  }
  log(`Kafka answers at ${address}`);
  const kill = async () => {
    child.kill('SIGKILL');
    await end;
  };
  const stop = async () => {
    child.kill('SIGTERM');
    const late = new AbortController();
    await Promise.race([end, delay(STOP_MS_MAX, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    if (!ended) await kill();
  };
  return { address, certificate, pid: child.pid, stop, kill };
}
