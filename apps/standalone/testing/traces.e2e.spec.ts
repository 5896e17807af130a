import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, withRealServers } from '@rondo/testing';
import { Quickstart } from '../src/quickstart/quickstart.js';
import { DistributedRondo } from './distributed-rondo.js';
import { SMALL_STORY, writeSmallDocument } from './small-story.js';

/** Two weeks: the first cycle, up to the promotion of the first model. */
const STORY = { ...SMALL_STORY, weeks: 2 };

interface KeptSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly service: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
}

interface Traces {
  placesOf(address: string): { readonly endpoint: string; readonly file: string };
  readSpans(file: string): Promise<KeptSpan[]>;
  tracesOfCycle(spans: readonly KeptSpan[], cycleId: string): ReadonlyMap<string, KeptSpan[]>;
  treeOf(trace: readonly KeptSpan[]): string[];
}

jest.setTimeout(600_000);

withRealServers(['kafka', 'mongodb', 's3', 'collector'], (servers) => {
  describe('the traces of a cycle over processes of their own, as a collector receives them', () => {
    let folder: string;
    let traces: Traces;
    let spans: KeptSpan[];
    let byId: ReadonlyMap<string, KeptSpan>;

    const idOf = (span: { readonly traceId: string; readonly spanId: string }): string =>
      `${span.traceId}/${span.spanId}`;
    const parentOf = (span: KeptSpan): KeptSpan | undefined => byId.get(`${span.traceId}/${span.parentId}`);
    const runs = (): KeptSpan[] => spans.filter(({ name }) => name.startsWith('RUN '));

    const read = async (file: string): Promise<void> => {
      spans = await traces.readSpans(file);
      byId = new Map(spans.map((span) => [idOf(span), span]));
    };

    beforeAll(async () => {
      const script = new URL('../../../deploy/native/otlp-traces.mjs', import.meta.url).href;
      traces = (await import(script)) as Traces;
      const { endpoint, file } = traces.placesOf(servers.collector);
      folder = await mkdtemp(join(tmpdir(), 'rondo-traces-'));
      await mkdir(join(folder, 'document'));
      const document = await writeSmallDocument(join(folder, 'document'));
      const rondo = await DistributedRondo.start(join(folder, 'rondo'), servers, 1, {
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      });
      try {
        const { signal } = new AbortController();
        const quickstart = new Quickstart(rondo, { home: rondo.home, ...STORY, document, signal });
        await quickstart.run();
        await quickstart.close();
      } finally {
        await rondo.stop();
      }
      await eventually(async () => {
        await read(file);
        return spans.every((span) => span.parentId === '' || parentOf(span) !== undefined);
      });
    });

    afterAll(() => rm(folder, { recursive: true, force: true }));

    it('hang together: what a service handles is the child of what another one did', () => {
      const handled = spans.filter(({ name }) => name.startsWith('process '));
      // What the data plane reports begins a trace of its own.
      expect(handled.filter((span) => !parentOf(span) && !span.name.startsWith('process rondo.serving.'))).toEqual([]);
      const between = handled.filter((span) => parentOf(span) && parentOf(span)!.service !== span.service);
      expect(between.length).toBeGreaterThan(20);
      expect(new Set(handled.map(({ attributes }) => attributes['messaging.system']))).toEqual(new Set(['kafka']));
      expect(handled.every(({ attributes }) => Number(attributes['rondo.delivery.waited_ms']) >= 0)).toBe(true);
    });

    it('tell of every service that has a part in the cycle', () => {
      const [run] = runs();
      const ofCycle = [...traces.tracesOfCycle(spans, run!.attributes['rondo.cycle.id']!).values()].flat();
      expect([...new Set(ofCycle.map(({ service }) => service))]).toEqual(
        expect.arrayContaining(['control-plane', 'data-prep', 'training', 'evaluation', 'rollout']),
      );
    });

    it('sum the cycle up once, with its phases linked to what began them', () => {
      expect(runs()).toHaveLength(1);
      const phases = spans.filter((span) => parentOf(span) === runs()[0]);
      expect(phases.map(({ name }) => name)).toEqual(
        ['Preparing', 'Labeling', 'Training', 'Selecting', 'Evaluating', 'AwaitingApproval', 'RollingOut'].map(
          (phase) => `phase ${phase}`,
        ),
      );
      const begun = phases.filter(({ name }) => name !== 'phase Selecting');
      expect(begun.filter(({ links }) => !links.some((link) => byId.has(idOf(link))))).toEqual([]);
    });

    it('read as a tree from the announcement to what it caused', () => {
      const announced = spans.filter(({ name }) => name === 'POST /v1/events');
      expect(announced).toHaveLength(4);
      const tree = traces.treeOf(spans.filter(({ traceId }) => traceId === announced[0]!.traceId));
      expect(tree[0]).toMatch(/^ *\d+(\.\d)? ms {2}data-prep: POST \/v1\/events$/);
      expect(tree[1]).toMatch(/ {2}[a-z-]+: process rondo\./);
      const decisions = spans.filter(({ name }) => name === 'decide trigger');
      expect(decisions.map(({ attributes }) => attributes['rondo.verdict'])).toContain('Start');
      expect(decisions.filter((span) => !parentOf(span)?.name.startsWith('process '))).toEqual([]);
    });
  });
});
