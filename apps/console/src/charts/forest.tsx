import { scaleLinear } from '@visx/scale';
import type { ReactNode } from 'react';
import { formatCount, formatSigned } from '../model/format.js';
import type { StatusWord, Tone } from '../model/words.js';
import { BottomAxis } from './axes.js';
import { ChartFrame } from './frame.js';

/** One difference with its interval. */
export interface ForestRow {
  readonly name: string;
  readonly value: number;
  readonly lower?: number;
  readonly upper?: number;
  readonly n: number;
  readonly margin?: number;
  readonly status?: StatusWord;
}

const ROW = 30;
const FOOT = 26;
/** From this width on each row shows its n, in this much room. */
const WIDE = 380;
const COUNT = 76;

function Marker({ x, y, tone }: { readonly x: number; readonly y: number; readonly tone: Tone }): ReactNode {
  const fill = `var(--rd-${tone})`;
  if (tone === 'bad') return <path d={`M${String(x)} ${String(y - 6)}l6 6-6 6-6-6z`} fill={fill} />;
  if (tone === 'good') return <circle cx={x} cy={y} r={5} fill={fill} />;
  return <rect x={x - 4.5} y={y - 4.5} width={9} height={9} fill="var(--rd-surface)" stroke={fill} strokeWidth={2} />;
}

function Row({
  row,
  y,
  x,
  left,
}: {
  readonly row: ForestRow;
  readonly y: number;
  readonly x: (value: number) => number;
  readonly left: number;
}): ReactNode {
  const tone = row.status?.tone ?? 'info';
  const room = Math.floor((left - 8) / 6.4);
  const name = row.name.length > room ? `${row.name.slice(0, room - 1)}…` : row.name;
  return (
    <g>
      <text x={0} y={y + 4} className="rd-chart-name">
        <title>{row.name}</title>
        {name}
      </text>
      {row.lower !== undefined && row.upper !== undefined && (
        <line x1={x(row.lower)} x2={x(row.upper)} y1={y} y2={y} stroke={`var(--rd-${tone})`} strokeWidth={2.4} />
      )}
      {row.margin !== undefined && (
        <line
          x1={x(row.margin)}
          x2={x(row.margin)}
          y1={y - 10}
          y2={y + 10}
          stroke="var(--rd-bad)"
          strokeWidth={1.6}
          strokeDasharray="3 2"
        />
      )}
      <Marker x={x(row.value)} y={y} tone={tone} />
    </g>
  );
}

interface ForestProps {
  readonly title: string;
  readonly summary: string;
  readonly rows: readonly ForestRow[];
  /** Words at the two ends of the axis. */
  readonly ends: readonly [string, string];
}

/** Differences with intervals around zero: circle = pass, diamond = fail, open square = not proven; dashes = margin. */
export function Forest({ title, summary, rows, ends }: ForestProps): ReactNode {
  if (rows.length === 0) return null;
  const values = rows.flatMap((r) => [r.value, r.lower ?? 0, r.upper ?? 0, r.margin ?? 0, 0]);
  const [low, high] = [Math.min(...values), Math.max(...values, Math.min(...values) + 1e-9)];
  const pad = (high - low) * 0.12;
  const height = rows.length * ROW + FOOT + 18;
  const table = {
    head: ['', 'difference', 'lower', 'upper', 'margin', 'n', 'verdict'],
    rows: rows.map((r) => [
      r.name,
      formatSigned(r.value),
      r.lower === undefined ? '–' : formatSigned(r.lower),
      r.upper === undefined ? '–' : formatSigned(r.upper),
      r.margin === undefined ? '–' : formatSigned(r.margin),
      formatCount(r.n),
      r.status?.word ?? '–',
    ]),
  };
  return (
    <ChartFrame title={title} summary={summary} height={height} table={table}>
      {(width) => {
        const left = Math.min(190, width * 0.34);
        const right = width - (width > WIDE ? COUNT : 8);
        const x = scaleLinear<number>({ domain: [low - pad, high + pad], range: [left + 8, right] });
        return (
          <>
            <text x={left + 8} y={11} className="rd-chart-end">
              ← {ends[0]}
            </text>
            <text x={right} y={11} textAnchor="end" className="rd-chart-end">
              {ends[1]} →
            </text>
            <line x1={x(0)} x2={x(0)} y1={16} y2={height - FOOT} stroke="var(--rd-line-strong)" />
            {rows.map((row, index) => (
              <g key={row.name}>
                <Row row={row} y={18 + index * ROW + ROW / 2} x={x} left={left} />
                {width > WIDE && (
                  <text x={width} y={22 + index * ROW + ROW / 2} textAnchor="end" className="rd-chart-value">
                    n {formatCount(row.n)}
                  </text>
                )}
              </g>
            ))}
            <BottomAxis
              scale={x}
              top={height - FOOT}
              ticks={Math.max(3, Math.floor((right - left) / 90))}
              format={formatSigned}
            />
          </>
        );
      }}
    </ChartFrame>
  );
}
