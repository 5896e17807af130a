import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.js';
import type { FinishedSpan } from './span-store.js';
import { createTelemetry, type RunningTelemetry, type TelemetryOptions } from './telemetry.js';

const open: RunningTelemetry[] = [];
const start = (options: Partial<TelemetryOptions> = {}): { telemetry: RunningTelemetry; spans: FinishedSpan[] } => {
  const spans: FinishedSpan[] = [];
  const sink = { write: async (batch: readonly FinishedSpan[]) => void spans.push(...batch) };
  const telemetry = createTelemetry({ service: 'test', version: '1.2.3', sinks: [sink], ...options });
  open.push(telemetry);
  return { telemetry, spans };
};
afterEach(async () => void (await Promise.all(open.splice(0).map((telemetry) => telemetry.close()))));

const REMOTE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('telemetry', () => {
  it('nests spans across asynchronous calls and keeps concurrent ones apart', async () => {
    const { telemetry, spans } = start();
    const work = (name: string) =>
      telemetry.span(name, {}, async () => {
        await new Promise((resolve) => setImmediate(resolve));
        await telemetry.span(`${name}-child`, {}, async () => undefined);
      });
    await Promise.all([work('a'), work('b')]);
    await telemetry.flush();
    const by = (name: string) => spans.find((span) => span.name === name)!;
    expect(by('a-child')).toMatchObject({ traceId: by('a').traceId, parentSpanId: by('a').spanId });
    expect(by('b-child').parentSpanId).toBe(by('b').spanId);
    expect(by('a').traceId).not.toBe(by('b').traceId);
    expect(telemetry.current()).toBeUndefined();
  });

  it('continues a remote trace, links others and ignores malformed contexts', async () => {
    const { telemetry, spans } = start();
    await telemetry.span(
      'process x',
      { kind: 'consumer', parent: REMOTE, links: [REMOTE, 'nonsense'] },
      async (span) => {
        expect(span.traceparent).toBe(telemetry.current());
        span.link('00-00000000000000000000000000000000-b7ad6b7169203331-01');
      },
    );
    await telemetry.span('plain', { parent: '00-xyz' }, async () => undefined);
    await telemetry.flush();
    expect(spans[0]).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentSpanId: 'b7ad6b7169203331',
      kind: 'consumer',
      linkedTraceIds: ['0af7651916cd43dd8448eb211c80319c'],
    });
    expect(spans[1]!.parentSpanId).toBeUndefined();
  });

  it('gives pipeline and cycle to children, also when they become known inside the span', async () => {
    const { telemetry, spans } = start();
    await telemetry.span('outer', { attributes: { 'rondo.pipeline.name': 'flights' } }, async (span) => {
      span.set({ 'rondo.cycle.id': 'c1', 'rondo.rows': 3 });
      await telemetry.forService('training').span('inner', {}, async () => undefined);
      await telemetry.span('elsewhere', { root: true }, async () => undefined);
    });
    await telemetry.flush();
    const by = (name: string) => spans.find((span) => span.name === name)!;
    expect(by('inner')).toMatchObject({
      service: 'training',
      attributes: { 'rondo.pipeline.name': 'flights', 'rondo.cycle.id': 'c1' },
    });
    expect(by('inner').attributes['rondo.rows']).toBeUndefined();
    expect(by('elsewhere').attributes).toEqual({});
    expect(by('elsewhere').traceId).not.toBe(by('outer').traceId);
  });

  it('marks a failing span and rethrows', async () => {
    const { telemetry, spans } = start();
    const failing = telemetry.span('fails', {}, async () => Promise.reject(new RangeError('no')));
    await expect(failing).rejects.toThrow(RangeError);
    await telemetry.flush();
    expect(spans[0]).toMatchObject({ error: true, attributes: { 'error.type': 'RangeError' } });
  });

  it('records spans that already happened with their own times', async () => {
    const { telemetry, spans } = start();
    // A moment of the calendar: the library takes numbers below the age of the process for times since its start.
    const startMs = Date.UTC(2001, 2, 5);
    telemetry.record('phase Training', { startMs, endMs: startMs + 5_500, root: true, error: true });
    await telemetry.flush();
    expect(spans[0]).toMatchObject({ startMs, endMs: startMs + 5_500, error: true });
  });

  it('keeps decisions and commands whatever the sampling ratio, and follows the parent otherwise', async () => {
    const { telemetry, spans } = start({ sampleRatio: 0 });
    await telemetry.span('process x', {}, async () => telemetry.span('send y', {}, async () => undefined));
    await telemetry.span('rondo.control.v1.CycleService/GetCycle', {}, async () =>
      telemetry.span('child', {}, async () => undefined),
    );
    await telemetry.flush();
    expect(spans.map((span) => span.name).sort()).toEqual(['child', 'rondo.control.v1.CycleService/GetCycle']);
  });

  it('loses spans, not work, when a sink fails', async () => {
    const errors: unknown[] = [];
    const sink = { write: async () => Promise.reject(new Error('disk full')) };
    const { telemetry } = start({ sinks: [sink], onSinkError: (error) => errors.push(error) });
    await expect(telemetry.span('x', {}, async () => 7)).resolves.toBe(7);
    await telemetry.flush().catch(() => undefined);
    expect(errors).toEqual([new Error('disk full')]);
  });

  it('exports to an OTLP collector when one is named', async () => {
    let path = '';
    const received = new Promise<number>((resolve) => {
      const server = createServer((request, response) => {
        path = request.url ?? '';
        let size = 0;
        request.on('data', (chunk: Buffer) => (size += chunk.length));
        request.on('end', () => {
          response.writeHead(200).end();
          server.close();
          resolve(size);
        });
      }).listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        const { telemetry } = start({ otlpEndpoint: `http://127.0.0.1:${port}/` });
        void telemetry.span('x', {}, async () => undefined).then(() => telemetry.flush());
      });
    });
    expect(await received).toBeGreaterThan(50);
    expect(path).toBe('/v1/traces');
  });

  it('puts the trace on log lines', async () => {
    const { telemetry } = start();
    const lines: string[] = [];
    const log = createLogger({ service: 's', write: (line) => lines.push(line) });
    await telemetry.span('x', { attributes: { 'rondo.cycle.id': 'c9' } }, async (span) => {
      log.info('hello');
      expect(JSON.parse(lines[0]!)).toMatchObject({ trace_id: span.traceId, 'rondo.cycle.id': 'c9', message: 'hello' });
    });
  });
});
