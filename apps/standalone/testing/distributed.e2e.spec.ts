import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchReadySchema, DecisionMadeSchema } from '@rondo/contracts';
import { grpcConnection, type GrpcConnection } from '@rondo/rpc';
import { withRealServers } from '@rondo/testing';
import { Quickstart } from '../src/quickstart/quickstart.js';
import type { Summary } from '../src/quickstart/summary.js';
import { DistributedRondo } from './distributed-rondo.js';
import { Disturbances } from './disturbances.js';
import { auditOf, finalState, inAnyOrderOfSums, type FinalState } from './final-state.js';
import type { ForeignMember } from './foreign-member.js';
import { stateInOneProcess } from './in-one-process.js';
import { violations } from './invariants.js';
import { KafkaTricks } from './kafka-tricks.js';
import { journalOf } from './progress.js';
import type { Violation } from './promises.js';
import { Recorded } from './recorded.js';
import { remainsOf } from './remains.js';
import { STATEFUL } from './services.js';
import { SmallPipelines } from './small-pipelines.js';
import { SMALL_STORY, writeSmallDocument } from './small-story.js';

const REPLICAS = 2;
/** Requests after which the restarts begin: in the traffic before the second cycle. */
const DISTURBED_AT = 250;
/** The first five weeks: two cycles with their rollouts, and a week that is announced three times. */
const STORY = { ...SMALL_STORY, weeks: 5 };
/** A group learns within a tenth of it that its members have changed. */
const SETTINGS = { RONDO_KAFKA_SESSION_MS: '6s' };
/** Enough that their keys are in every partition. */
const SMALL_PIPELINES = 6;
const REBALANCED_EVERY_MS = 1_000;
/** Joinings to each group; a busy machine takes longer over each. */
const LEAST_ROUNDS = 5;

jest.setTimeout(1_800_000);

withRealServers(['kafka', 'mongodb', 's3'], (servers) => {
  describe('the small story on two replicas of every service, all of them restarted in the middle', () => {
    let folder: string;
    let expected: FinalState;
    let rondo: DistributedRondo;
    let small: SmallPipelines;
    let disturbances: Disturbances;
    let foreign: ForeignMember | undefined;
    let shares: ReadonlyMap<string, readonly number[]>;
    let summary: Summary;
    let state: FinalState;
    let audit: { intact: boolean; entries: number };
    let recorded: Recorded;
    let broken: Violation[];
    let restarted: Promise<void> | undefined;

    const asAdmin = (): GrpcConnection =>
      grpcConnection({ address: rondo.door.grpcAddress, token: rondo.adminToken, timeoutMs: 60_000 });

    /** From the opening of the second cycle to its promotion. */
    const disquiet = async (tricks: KafkaTricks): Promise<void> => {
      await disturbances.all([
        {
          name: 'the groups begin to be rebalanced',
          type: 'CycleStarted',
          count: 2,
          happen: async () => {
            foreign = await tricks.disquiet(STATEFUL, REBALANCED_EVERY_MS);
          },
        },
        {
          name: 'the groups are left alone',
          type: 'ChampionChanged',
          count: 2,
          happen: async () => {
            await foreign?.stop();
          },
        },
      ]);
    };

    const tell = async (document: string): Promise<void> => {
      let requests = 0;
      const onPredict = (requestId: string): void => {
        rondo.onPredict(requestId);
        requests += 1;
        if (requests === DISTURBED_AT) restarted = rondo.restartAll(() => small.announceNext());
      };
      const { signal } = new AbortController();
      const quickstart = new Quickstart(rondo, { home: rondo.home, ...STORY, document, signal, onPredict });
      const begunMs = performance.now();
      try {
        const pipeline = await quickstart.run();
        await restarted;
        summary = await quickstart.summary(pipeline, (performance.now() - begunMs) / 1000);
      } finally {
        disturbances.storyIsOver();
        await quickstart.close();
      }
    };

    const readEnd = async (): Promise<void> => {
      const api = asAdmin();
      try {
        state = await finalState(api);
        audit = await auditOf(api);
        recorded = Recorded.ofAudit(await journalOf(api));
        broken = await rondo.withStores((stores) => violations(remainsOf(rondo, stores, [])));
      } finally {
        api.close();
      }
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rondo-distributed-'));
      await mkdir(join(folder, 'document'));
      const document = await writeSmallDocument(join(folder, 'document'));
      expected = await stateInOneProcess({ home: join(folder, 'embedded'), document, ...STORY });
      rondo = await DistributedRondo.start(join(folder, 'distributed'), servers, REPLICAS, SETTINGS);
      disturbances = new Disturbances(rondo);
      small = new SmallPipelines(rondo, SMALL_PIPELINES);
      const api = asAdmin();
      await small.apply(api).finally(() => api.close());
      await small.announceNext();
      await rondo.idle();
      shares = await rondo.handled();
      const disquieted = disquiet(new KafkaTricks(servers.kafka, rondo.namespace));
      // Where the story fails, that is why it was over too early.
      disquieted.catch(() => undefined);
      await tell(document);
      await disquieted;
      await rondo.idle();
      await readEnd();
    });

    afterAll(async () => {
      disturbances?.storyIsOver();
      await foreign?.stop().catch(() => undefined);
      await restarted?.catch(() => undefined);
      await small?.close();
      await rondo?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    it('shares the messages of every service between its replicas', () => {
      const idle = STATEFUL.filter((service) => !shares.get(service)!.every((handled) => handled > 0));
      expect(idle).toEqual([]);
    });

    it('was restarted while it ran, and rebalanced every second', () => {
      expect(restarted).toBeDefined();
      const rounds = [...foreign!.joined.values()];
      expect(rounds).toHaveLength(STATEFUL.length);
      expect(Math.min(...rounds)).toBeGreaterThanOrEqual(LEAST_ROUNDS);
      expect(foreign!.given).toBeGreaterThan(0);
      expect(foreign!.committed).toEqual([]);
    });

    it('ends in the same state as in one process', () => {
      expect(inAnyOrderOfSums(state)).toEqual(inAnyOrderOfSums(expected));
    });

    it('keeps every promise', () => {
      expect(broken).toEqual([]);
    });

    it('keeps the order of each pipeline', () => {
      const ready = recorded.messages(BatchReadySchema);
      const decisions = recorded.messages(DecisionMadeSchema);
      for (const [name, announced] of small.announced) {
        expect(announced.length).toBeGreaterThan(REPLICAS * STATEFUL.length);
        const own = <M extends { readonly pipeline: string }>(messages: readonly M[]): M[] =>
          messages.filter(({ pipeline }) => pipeline === name);
        expect(own(ready).map(({ eventId }) => eventId)).toEqual(announced);
        expect(own(decisions).flatMap(({ causeEventIds }) => causeEventIds)).toEqual(announced);
      }
    });

    it('gives every event a fate and verifies the audit chain', () => {
      expect(summary.sound).toBe(true);
      expect(audit.intact).toBe(true);
      expect(audit.entries).toBeGreaterThan(100);
    });
  });
});
