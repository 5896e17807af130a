import type { Span } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { formatAbsolute, formatDuration, toMs } from '../model/format.js';
import { ChartFrame } from './frame.js';

const ROW = 24;
/** So many rows are drawn, the longest spans; the table has all of them. */
const MOST = 40;

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

const lengthOf = ({ startMs, endMs }: Placed): number => endMs - startMs;

/** The longest spans in their order; failed ones always stay. */
export function longestSpans(rows: readonly Placed[], most: number): Placed[] {
  const shown = new Set(rows.toSorted((a, b) => lengthOf(b) - lengthOf(a)).slice(0, most));
  return rows.filter((row) => shown.has(row) || row.span.error);
}

/** `process rondo.drift.v1.DriftEvaluated` → `process DriftEvaluated`. */
const short = (name: string): string => name.replace(/\brondo\.\w+\.v\d+\./, '');

/** Spans of a cycle over time, one row each. */
export function Waterfall({ spans }: { readonly spans: readonly Span[] }): ReactNode {
  const all = orderSpans(spans);
  if (all.length === 0) return null;
  const rows = longestSpans(all, MOST);
  const first = Math.min(...all.map((row) => row.startMs));
  const last = Math.max(...all.map((row) => row.endMs));
  const slowest = all.reduce((a, b) => (lengthOf(b) > lengthOf(a) ? b : a));
  const errors = all.filter((row) => row.span.error).length;
  const drawn = rows.length < all.length ? ` Drawn are the ${String(rows.length)} longest; the table has all.` : '';
  return (
    <ChartFrame
      title="Spans"
      summary={`${String(spans.length)} spans over ${formatDuration(last - first)}; the longest is ${short(slowest.span.name)} (${formatDuration(lengthOf(slowest))}); ${errors === 0 ? 'none failed' : `${String(errors)} failed`}.${drawn}`}
      height={rows.length * ROW + 4}
      table={{
        head: ['span', 'service', 'start', 'duration', 'trace'],
        rows: all.map(({ span, startMs, endMs }) => [
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
          const name = `${span.error ? '✕ ' : ''}${short(span.name)}`;
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
