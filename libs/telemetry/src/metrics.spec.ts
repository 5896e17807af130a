import { describe, expect, it } from '@jest/globals';
import { Metrics } from './metrics.js';
import { createTelemetry } from './telemetry.js';

describe('metrics', () => {
  it('print the same counter name in both text formats', async () => {
    const metrics = new Metrics();
    metrics.counter('rondo_cycles_started_total', 'Cycles.', ['pipeline']).add(2, { pipeline: 'p' });
    const line = 'rondo_cycles_started_total{pipeline="p"} 2';
    const [plain, open] = await Promise.all([
      metrics.text(),
      metrics.text('application/openmetrics-text; version=1.0.0'),
    ]);
    expect(plain.contentType).toContain('text/plain');
    expect(plain.body).toContain(line);
    expect(plain.body).not.toContain('# EOF');
    expect(open.contentType).toContain('openmetrics');
    expect(open.body).toContain(line);
    expect(open.body.trimEnd().endsWith('# EOF')).toBe(true);
  });

  it('share a name between services and refuse another shape', () => {
    const metrics = new Metrics();
    const first = metrics.gauge('rondo_x', 'X.', ['a']);
    expect(metrics.gauge('rondo_x', 'X.', ['a'])).toBe(first);
    expect(() => metrics.gauge('rondo_x', 'X.', ['b'])).toThrow('rondo_x is a gauge with labels [a]');
    expect(() => metrics.counter('rondo_y', 'Y.', [])).toThrow('must end in _total');
    expect(() => metrics.gauge('Y', 'Y.', [])).toThrow('must be rondo_');
  });

  it('count beyond a thousand series under "other"', async () => {
    const metrics = new Metrics();
    const counter = metrics.counter('rondo_z_total', 'Z.', ['id']);
    for (let i = 0; i < 1010; i++) counter.add(1, { id: String(i) });
    const { body } = await metrics.text();
    expect(body).toContain('rondo_z_total{id="other"} 10');
    expect(body).not.toContain('id="1005"');
  });

  it('carry the trace as exemplar when observed inside a span', async () => {
    const telemetry = createTelemetry({ service: 's', version: '1' });
    const histogram = telemetry.histogram('rondo_h_seconds', 'H.', ['m'], [0.1, 1]);
    const traceId = await telemetry.span('x', {}, async (span) => {
      histogram.observe(0.05, { m: 'a' });
      return span.traceId;
    });
    histogram.observe(0.5, { m: 'a' });
    const { body } = await telemetry.metricsText('application/openmetrics-text');
    expect(body).toContain(`trace_id="${traceId}"`);
    expect((await telemetry.metricsText()).body).toContain('rondo_h_seconds_count{m="a"} 2');
    await telemetry.close();
  });
});
