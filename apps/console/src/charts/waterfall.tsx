import type { Span } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { formatAbsolute, formatDuration, toMs } from '../model/format.js';
import { ChartFrame } from './frame.js';

const ROW = 24;
const MOST = 120;

interface Placed {
  readonly span: Span;
  readonly depth: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** Parents before their children, each level by start; a span whose parent is elsewhere counts as a root. */
export function orderSpans(spans: readonly Span[]): Placed[] {
  const ids = new Set(spans.map((span) => span.spanId));
  const children = new Map<string, Span[]>();
  for (const span of spans) {
    const parent = ids.has(span.parentSpanId) && span.parentSpanId !== span.spanId ? span.parentSpanId : '';
    children.set(parent, [...(children.get(parent) ?? []), span]);
  }
  const placed: Placed[] = [];
  const visit = (parent: string, depth: number): void => {
    const level = (children.get(parent) ?? []).toSorted((a, b) => (toMs(a.start) ?? 0) - (toMs(b.start) ?? 0));
    for (const span of level) {
      const startMs = toMs(span.start) ?? 0;
      placed.push({ span, depth, startMs, endMs: Math.max(startMs, toMs(span.end) ?? startMs) });
      if (depth < 12) visit(span.spanId, depth + 1);
    }
  };
  visit('', 0);
  return placed;
}

/** Spans of a cycle over time, one row each. */
export function Waterfall({ spans }: { readonly spans: readonly Span[] }): ReactNode {
  const rows = orderSpans(spans).slice(0, MOST);
  if (rows.length === 0) return null;
  const first = Math.min(...rows.map((row) => row.startMs));
  const last = Math.max(...rows.map((row) => row.endMs));
  const slowest = rows.reduce((a, b) => (b.endMs - b.startMs > a.endMs - a.startMs ? b : a));
  const errors = rows.filter((row) => row.span.error).length;
  return (
    <ChartFrame
      title="Spans"
      summary={`${String(spans.length)} spans over ${formatDuration(last - first)}; the longest is ${slowest.span.name} (${formatDuration(slowest.endMs - slowest.startMs)}); ${errors === 0 ? 'none failed' : `${String(errors)} failed`}.`}
      height={rows.length * ROW + 4}
      table={{
        head: ['span', 'service', 'start', 'duration', 'trace'],
        rows: rows.map(({ span, startMs, endMs }) => [
          `${span.name}${span.error ? ' (error)' : ''}`,
          span.service,
          formatAbsolute(startMs),
          formatDuration(endMs - startMs),
          span.traceId,
        ]),
      }}
    >
      {(width) => {
        const left = Math.min(300, width * 0.42);
        const scale = (ms: number): number => left + ((ms - first) / Math.max(1, last - first)) * (width - left - 64);
        const room = Math.floor(left / 6.6);
        return rows.map(({ span, depth, startMs, endMs }, index) => {
          const y = index * ROW + ROW / 2;
          const name = `${span.error ? '✕ ' : ''}${span.name}`;
          const fit = room - depth * 2;
          return (
            <g key={span.spanId}>
              <title>{`${span.service}: ${span.name}, ${formatDuration(endMs - startMs)}`}</title>
              <text x={depth * 12} y={y + 4} className={span.error ? 'rd-chart-name rd-chart-bad' : 'rd-chart-name'}>
                {name.length > fit ? `${name.slice(0, fit - 1)}…` : name}
              </text>
              <rect
                x={scale(startMs)}
                y={y - 6}
                width={Math.max(2, scale(endMs) - scale(startMs))}
                height={12}
                rx={2}
                fill={span.error ? 'var(--rd-bad)' : depth === 0 ? 'var(--rd-accent)' : 'var(--rd-champion)'}
              />
              <text x={scale(endMs) + 6} y={y + 4} className="rd-chart-value">
                {formatDuration(endMs - startMs)}
              </text>
            </g>
          );
        });
      }}
    </ChartFrame>
  );
}
