import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TransientError } from '@rondo/kernel';
import { grpcConnection } from '@rondo/rpc';
import { eventually, withRealServers } from '@rondo/testing';
import { Quickstart } from '../src/quickstart/quickstart.js';
import type { Summary } from '../src/quickstart/summary.js';
import { DistributedRondo } from './distributed-rondo.js';
import { Disturbances, type Disturbance } from './disturbances.js';
import { auditOf, finalState, inAnyOrderOfSums, type FinalState } from './final-state.js';
import { stateInOneProcess } from './in-one-process.js';
import { KafkaTricks } from './kafka-tricks.js';
import { OwnBroker, OwnMongodb } from './own-servers.js';
import { violations } from './invariants.js';
import { killEveryService, PHASES, type Phase } from './phases.js';
import type { Violation } from './promises.js';
import { remainsOf } from './remains.js';
import { SMALL_STORY, writeSmallDocument } from './small-story.js';

/** Two cycles, the second with a rollout. */
const STORY = { ...SMALL_STORY, weeks: 4 };
/** Dead members of groups are noticed soon. */
const SETTINGS = { RONDO_KAFKA_SESSION_MS: '6s' };
const REPLICAS = 1;
/** In each phase one after the other is killed, and so many are away at once, besides the one that works on the phase. */
const KILLED_AT_ONCE = 4;
/** Ten times as long as SETTINGS let the broker wait. */
const FORGOTTEN_WITHIN_MS = 60_000;
/** How often the caller of Rondo begins again where it was; each fault may cost it one call. */
const ATTEMPTS = 30;

jest.setTimeout(1_800_000);

withRealServers(['kafka', 'mongodb', 's3'], ({ s3 }) => {
  describe('the small story while everything it stands on breaks once', () => {
    let folder: string;
    let kafka: OwnBroker;
    let mongodb: OwnMongodb;
    let rondo: DistributedRondo;
    let tricks: KafkaTricks;
    let disturbances: Disturbances;
    let poisoned = 0;
    let replayed = 0;
    let expected: FinalState;
    let summary: Summary;
    let state: FinalState;
    let audit: { intact: boolean; entries: number };
    let broken: Violation[];
    const killed = new Map<string, readonly string[]>();
    let entriesBeforeReplay: number;

    const allKilledIn = (phase: Phase): Disturbance => ({
      name: `every service is killed while ${phase.name}`,
      ...phase.begins,
      atRest: phase.hasTraffic,
      happen: async () => void killed.set(phase.name, await killEveryService(rondo, phase, KILLED_AT_ONCE)),
    });

    /** What it had begun is no longer its own when it goes on: its partitions are gone, and so are its leases. */
    const frozen = (service: string, type: string, count: number): Disturbance => ({
      name: `${service} stands still until the broker takes it for dead`,
      type,
      count,
      happen: async () => {
        const pids = rondo.of(service).map(({ pid }) => pid!);
        for (const pid of pids) process.kill(pid, 'SIGSTOP');
        try {
          await eventually(async () => (await tricks.members(service)) === 0, FORGOTTEN_WITHIN_MS);
        } finally {
          for (const pid of pids) process.kill(pid, 'SIGCONT');
        }
      },
    });

    const plan = (): Disturbance[] => [
      ...PHASES.filter(({ hasTraffic }) => !hasTraffic).map(allKilledIn),
      {
        name: 'poison is put on a topic',
        type: 'ReferenceProfiled',
        count: 1,
        happen: async () => (poisoned = await tricks.poison()),
      },
      {
        name: 'the disk of the primary of MongoDB is full',
        type: 'PrepareSnapshot',
        count: 2,
        happen: () => mongodb.fillDiskOfPrimary(),
      },
      { name: 'the broker is killed', type: 'TrainCandidate', count: 3, happen: () => kafka.crash() },
      frozen('training', 'TrainCandidate', 4),
      { name: 'all of MongoDB is killed', type: 'EvaluateCandidate', count: 2, happen: () => mongodb.crash() },
      ...PHASES.filter(({ hasTraffic }) => hasTraffic).map(allKilledIn),
      frozen('control-plane', 'AnalysisMeasured', 2),
      { name: 'the broker is killed under traffic', type: 'AnalysisMeasured', count: 4, happen: () => kafka.crash() },
    ];

    const tellDisturbed = async (document: string): Promise<void> => {
      const { door, gatewayHttpUrl, gatewayGrpcAddress, tokens, log } = rondo;
      const target = { door, gatewayHttpUrl, gatewayGrpcAddress, tokens, log, idle: () => disturbances.idle() };
      const signal = new AbortController().signal;
      const options = { home: rondo.home, ...STORY, document, signal, onPredict: rondo.onPredict };
      const quickstart = new Quickstart(target, options);
      const begunMs = performance.now();
      try {
        const pipeline = await untilTold(quickstart);
        summary = await quickstart.summary(pipeline, (performance.now() - begunMs) / 1000);
      } finally {
        disturbances.storyIsOver();
        await quickstart.close();
      }
    };

    /** A caller whose call failed goes on where it was, once what happens is over. */
    const untilTold = async (quickstart: Quickstart): Promise<string> => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await quickstart.run();
        } catch (error) {
          if (!(error instanceof TransientError) || attempt === ATTEMPTS) throw error;
          await disturbances.quiet();
        }
      }
    };

    const replayOf = async (service: string): Promise<void> => {
      for (const replica of rondo.of(service)) await replica.stop();
      replayed = await tricks.replayFromTheBeginning(service);
      for (const replica of rondo.of(service)) await replica.start();
    };

    const readEnd = async (): Promise<void> => {
      const api = grpcConnection({ address: rondo.door.grpcAddress, token: rondo.adminToken, timeoutMs: 60_000 });
      try {
        state = await finalState(api);
        audit = await auditOf(api);
      } finally {
        api.close();
      }
    };

    const parkedUnlessPoison = (): string[] => {
      const { messages } = state['parked'] as { messages: { consumer: string; reason: string }[] };
      return messages
        .map(({ consumer, reason }) => `${consumer}: ${reason}`)
        .filter((parked) => !parked.startsWith('data-prep: invalid: '));
    };

    const readRemains = async (): Promise<void> => {
      broken = await rondo.withStores((stores) => violations(remainsOf(rondo, stores, parkedUnlessPoison())));
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rondo-faults-'));
      await mkdir(join(folder, 'document'));
      const document = await writeSmallDocument(join(folder, 'document'));
      const undisturbed = stateInOneProcess({ home: join(folder, 'embedded'), document, ...STORY });
      undisturbed.catch(() => undefined);
      kafka = await OwnBroker.start(folder);
      mongodb = await OwnMongodb.start(folder);
      expected = await undisturbed;
      const servers = { kafka: kafka.address, mongodb: mongodb.address, s3 };
      rondo = await DistributedRondo.start(join(folder, 'distributed'), servers, REPLICAS, SETTINGS);
      tricks = new KafkaTricks(kafka.address, rondo.namespace);
      disturbances = new Disturbances(rondo);
      await Promise.all([disturbances.all(plan()), tellDisturbed(document)]);
      await rondo.idle();
      await readEnd();
      entriesBeforeReplay = audit.entries;
      await replayOf('control-plane');
      await rondo.idle();
      await readEnd();
      await readRemains();
    });

    afterAll(async () => {
      disturbances?.storyIsOver();
      await disturbances?.quiet().catch(() => undefined);
      await rondo?.stop();
      await kafka?.stop();
      await mongodb?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    it('was disturbed by all of it', () => {
      expect(disturbances.happened).toEqual(plan().map(({ name }) => name));
      expect(replayed).toBeGreaterThan(100);
    });

    it('had every service killed in every phase', () => {
      expect([...killed.keys()]).toEqual(PHASES.map(({ name }) => name));
      for (const services of killed.values()) expect(services.toSorted()).toEqual(rondo.serviceNames.toSorted());
    });

    it('ends in the same state as undisturbed in one process', () => {
      const [told, undisturbed] = [state, expected].map((end) => inAnyOrderOfSums({ ...end, parked: {} }));
      expect(told).toEqual(undisturbed);
    });

    it('sets the poison aside and nothing else', () => {
      expect(poisoned).toBe(4);
      expect(parkedUnlessPoison()).toEqual([]);
      expect((state['parked'] as { messages: unknown[] }).messages).toHaveLength(poisoned);
      expect(expected['parked']).toEqual({});
    });

    it('gives every event a fate and starts one cycle per cause', () => {
      expect(summary.sound).toBe(true);
      const causes = summary.cycles.map(({ trigger, asOf }) => `${trigger} ${asOf}`);
      expect(new Set(causes).size).toBe(causes.length);
    });

    it('verifies the audit chain, to which the replay added nothing', () => {
      expect(audit).toEqual({ intact: true, entries: entriesBeforeReplay });
      expect(audit.entries).toBeGreaterThan(100);
    });

    it('keeps every promise', () => {
      expect(broken).toEqual([]);
    });
  });
});
