import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Environment } from '@rondo/config';
import { systemClock } from '@rondo/kernel';
import { KafkaBus } from '@rondo/messaging';
import { TokenFile } from '@rondo/security';
import { withRealServers } from '@rondo/testing';
import { diagnose, refuseSkew, skewByDate, type Finding } from './doctor.js';
import { startService } from './run-service.js';

jest.setTimeout(240_000);

interface NativeServer {
  readonly address: string;
  kill(): Promise<void>;
}
type Start = (options: {
  folder: string;
  standalone?: boolean;
  sasl?: { username: string; password: string };
}) => Promise<NativeServer>;

/** The scripts that start real servers are no part of the type-checked code. */
const native = async (name: string): Promise<Start> =>
  ((await import(new URL(`../../../deploy/native/${name}.mjs`, import.meta.url).href)) as { start: Start }).start;

@Module({})
class EmptyModule {}

withRealServers(['kafka', 'mongodb', 's3'], ({ kafka, mongodb, s3 }) => {
  const bucket = new URL(s3);
  const installation = `doctor-${process.pid}-${systemClock.now()}`;
  let folder: string;
  let sound: Environment;
  const servers: NativeServer[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rondo-doctor-'));
    new TokenFile(folder, systemClock).create({ principal: 'you', roles: ['admin'] });
    sound = {
      RONDO_KAFKA_BROKERS: kafka,
      RONDO_KAFKA_NAMESPACE: `${installation}.`,
      RONDO_KAFKA_PARTITIONS: '3',
      RONDO_MONGODB_URL: mongodb,
      RONDO_MONGODB_DATABASE: installation.replaceAll('-', '_'),
      RONDO_S3_ENDPOINT: `${bucket.protocol}//${bucket.host}`,
      RONDO_S3_BUCKET: bucket.pathname.slice(1),
      RONDO_S3_ACCESS_KEY_ID: decodeURIComponent(bucket.username),
      RONDO_S3_SECRET_ACCESS_KEY: decodeURIComponent(bucket.password),
      RONDO_TOKENS_FILE: join(folder, 'tokens.json'),
      RONDO_HTTP_PORT: '0',
      RONDO_GRPC_PORT: '0',
      RONDO_LOG_LEVEL: 'error',
    };
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.kill();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const findings = async (changes: Environment = {}): Promise<Finding[]> => {
    const found: Finding[] = [];
    for await (const finding of diagnose({ ...sound, ...changes })) found.push(finding);
    return found;
  };
  /** The only problem, with its subject. */
  const problem = async (changes: Environment): Promise<string> => {
    const problems = (await findings(changes)).filter(({ isFine }) => !isFine);
    expect(problems.map(({ subject }) => subject)).toHaveLength(1);
    return `${problems[0]!.subject}: ${problems[0]!.message}`;
  };
  const problemsAtStart = async (changes: Environment): Promise<string> => {
    const definition = { name: 'training', config: {}, module: () => ({ module: EmptyModule }) } as const;
    const started = startService(definition, { ...sound, ...changes });
    return started.then(
      async (running) => {
        await running.close();
        return 'it started';
      },
      (error: unknown) => (error as Error).message,
    );
  };

  it('finds nothing wrong where nothing is, and leaves nothing behind', async () => {
    const found = await findings();
    expect(found.map(({ subject, isFine }) => [subject, isFine])).toEqual([
      ['settings', true],
      ['tokens', true],
      ['kafka', true],
      ['mongodb', true],
      ['bucket', true],
    ]);
    expect(found[2]!.message).toMatch(/missing ones are made at the first start/);
    expect((await findings())[2]!.message).toBe(found[2]!.message);
  });

  it('names every wrong address at once, as the start does', async () => {
    const nowhere = {
      RONDO_KAFKA_BROKERS: '127.0.0.1:1',
      RONDO_MONGODB_URL: 'mongodb://127.0.0.1:1/?replicaSet=rondo',
      RONDO_S3_ENDPOINT: 'http://127.0.0.1:1',
    };
    const told = (await findings(nowhere)).filter(({ isFine }) => !isFine).map(({ message }) => message);
    expect(told).toEqual([
      expect.stringContaining('no Kafka broker answers at 127.0.0.1:1'),
      expect.stringContaining('no MongoDB answers at 127.0.0.1:1'),
      expect.stringContaining('http://127.0.0.1:1'),
    ]);
    const atStart = await problemsAtStart(nowhere);
    expect(atStart).toMatch(/^3 problems keep it from starting:\n/);
    for (const text of ['no Kafka broker answers', 'no MongoDB answers', 'http://127.0.0.1:1'])
      expect(atStart).toContain(text);
  });

  it('names wrong credentials of each', async () => {
    servers.push(
      await (
        await native('kafka')
      )({ folder: join(folder, 'sasl'), sasl: { username: 'rondo', password: 'right' } }),
    );
    const sasl = {
      RONDO_KAFKA_BROKERS: servers[0]!.address,
      RONDO_KAFKA_SASL_MECHANISM: 'plain',
      RONDO_KAFKA_SASL_USERNAME: 'rondo',
    };
    expect((await findings({ ...sasl, RONDO_KAFKA_SASL_PASSWORD: 'right' })).every(({ isFine }) => isFine)).toBe(true);
    expect(await problem({ ...sasl, RONDO_KAFKA_SASL_PASSWORD: 'wrong' })).toMatch(
      /^kafka: .*refuses user "rondo".*check user, password and mechanism/,
    );
    expect(await problem({ RONDO_MONGODB_URL: mongodb.replace('://', '://rondo:wrong@') })).toMatch(
      /^mongodb: .*does not accept the user and password/,
    );
    expect(await problem({ RONDO_S3_SECRET_ACCESS_KEY: 'wrong' })).toMatch(
      /^bucket: .*does not accept the access key or its secret/,
    );
    expect(await problemsAtStart({ RONDO_S3_SECRET_ACCESS_KEY: 'wrong' })).toMatch(
      /^a problem keeps it from starting:/,
    );
  });

  it('names a topic with too few partitions, a standalone MongoDB and a bucket without rights', async () => {
    const records = undefined as never; // nobody subscribes
    const namespace = `few-${installation}.`;
    const topics = ['rondo.control.v1'];
    const bus = await KafkaBus.open({
      brokers: [kafka],
      clientId: 'spec',
      records,
      namespace,
      topics,
      topicLayout: { partitions: 1 },
    });
    await bus.close();
    expect(await problem({ RONDO_KAFKA_NAMESPACE: namespace })).toMatch(
      /^kafka: topic few-.*rondo\.control\.v1 has 1 partitions, 3 are needed/,
    );

    servers.push(await (await native('mongodb'))({ folder: join(folder, 'standalone'), standalone: true }));
    expect(await problem({ RONDO_MONGODB_URL: servers[0]!.address })).toMatch(
      /^mongodb: .*standalone server, which has no transactions; start mongod with --replSet/,
    );

    const [key = '', secret = ''] = bucket.hash.replace('#powerless=', '').split(':');
    expect(await problem({ RONDO_S3_ACCESS_KEY_ID: key, RONDO_S3_SECRET_ACCESS_KEY: secret })).toMatch(
      /^bucket: .*these keys may not write objects/,
    );
  });
});

describe('clocks', () => {
  it('may be a minute apart, and no more', () => {
    expect(() => refuseSkew('MongoDB', 59_000)).not.toThrow();
    expect(() => refuseSkew('MongoDB', -181_000)).toThrow(
      'the clock of MongoDB is 181 s behind the one of this machine; let both keep time by NTP',
    );
    expect(() => refuseSkew('the S3 server', 300_000)).toThrow(/300 s ahead of/);
  });

  it('of the server that holds the bucket are read from its answers', async () => {
    const server = createServer((_request, response) => {
      response.sendDate = false;
      response.writeHead(403, { date: new Date(systemClock.now() - 600_000).toUTCString() }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const skewMs = await skewByDate(`http://127.0.0.1:${port}`);
    server.close();
    server.closeAllConnections();
    expect(skewMs).toBeLessThan(-590_000);
    expect(skewMs).toBeGreaterThan(-610_000);
  });
});

describe('settings', () => {
  it('are all complained about before anything is looked at', async () => {
    const found: Finding[] = [];
    for await (const finding of diagnose({ RONDO_HTTP_PORT: 'x' })) found.push(finding);
    expect(found.every(({ isFine, subject }) => !isFine && subject === 'settings')).toBe(true);
    expect(found.map(({ message }) => message.split(':')[0]).sort()).toEqual([
      'RONDO_HTTP_PORT',
      'RONDO_KAFKA_BROKERS',
      'RONDO_MONGODB_URL',
      'RONDO_S3_BUCKET',
    ]);
  });
});
