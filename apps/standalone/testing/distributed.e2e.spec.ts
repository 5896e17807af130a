import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grpcConnection, type GrpcConnection } from '@rondo/rpc';
import { withRealServers } from '@rondo/testing';
import { Quickstart } from '../src/quickstart/quickstart.js';
import type { Summary } from '../src/quickstart/summary.js';
import { DistributedRondo } from './distributed-rondo.js';
import { auditOf, finalState, inAnyOrderOfSums, type FinalState } from './final-state.js';
import { stateInOneProcess } from './in-one-process.js';
import { SMALL_STORY, writeSmallDocument } from './small-story.js';

const REPLICAS = 2;
/** Requests after which the restarts begin: in the rollout of the second cycle. */
const DISTURBED_AT = 250;
/** The first five weeks: two cycles with their rollouts, and a week that is announced three times. */
const STORY = { ...SMALL_STORY, weeks: 5 };

jest.setTimeout(1_800_000);

withRealServers(['kafka', 'mongodb', 's3'], (servers) => {
  describe('the small story on two replicas of every service, all of them restarted in the middle', () => {
    let folder: string;
    let expected: FinalState;
    let rondo: DistributedRondo;
    let summary: Summary;
    let state: FinalState;
    let audit: { intact: boolean; entries: number };
    let restarted: Promise<void> | undefined;

    const asAdmin = (): GrpcConnection =>
      grpcConnection({ address: rondo.door.grpcAddress, token: rondo.adminToken, timeoutMs: 60_000 });

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'rondo-distributed-'));
      await mkdir(join(folder, 'document'));
      const document = await writeSmallDocument(join(folder, 'document'));
      expected = await stateInOneProcess({ home: join(folder, 'embedded'), document, ...STORY });
      rondo = await DistributedRondo.start(join(folder, 'distributed'), servers, REPLICAS);
      let requests = 0;
      const onPredict = (requestId: string): void => {
        rondo.onPredict(requestId);
        requests += 1;
        if (requests === DISTURBED_AT) restarted = rondo.restartAll();
      };
      const quickstart = new Quickstart(rondo, {
        home: rondo.home,
        ...STORY,
        document,
        signal: new AbortController().signal,
        onPredict,
      });
      const begunMs = performance.now();
      const pipeline = await quickstart.run();
      await restarted;
      summary = await quickstart.summary(pipeline, (performance.now() - begunMs) / 1000);
      await quickstart.close();
      await rondo.idle();
      const api = asAdmin();
      state = await finalState(api);
      audit = await auditOf(api);
      api.close();
    });

    afterAll(async () => {
      await restarted?.catch(() => undefined);
      await rondo?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    it('was disturbed while it ran', () => {
      expect(restarted).toBeDefined();
    });

    it('ends in the same state as in one process', () => {
      expect(inAnyOrderOfSums(state)).toEqual(inAnyOrderOfSums(expected));
    });

    it('gives every event a fate and verifies the audit chain', () => {
      expect(summary.sound).toBe(true);
      expect(audit.intact).toBe(true);
      expect(audit.entries).toBeGreaterThan(100);
    });
  });
});
