import { scaleLinear, scaleUtc } from '@visx/scale';
import { Area, LinePath } from '@visx/shape';
import { useState, type PointerEvent, type ReactNode } from 'react';
import { formatAbsolute, formatCount, formatNumber } from '../model/format.js';
import { TimeAxis, ValueAxis } from './axes.js';
import { ChartFrame, LegendItem } from './frame.js';

/** One point with its interval. */
export interface BandPoint {
  readonly atMs: number;
  readonly value: number;
  readonly lower?: number;
  readonly upper?: number;
  readonly n: number;
}

/** Horizontal line with its name: something not to pass, or a `reference` to compare with. */
export interface Limit {
  readonly kind?: 'reference';
  readonly value: number;
  readonly label: string;
}

interface LineBandProps {
  readonly title: string;
  readonly summary: string;
  readonly points: readonly BandPoint[];
  readonly limits?: readonly Limit[];
  readonly valueName: string;
  readonly height?: number;
  /** How values are written; the scale stays as the points are. */
  readonly format?: (value: number) => string;
  /** Keeps this value inside the picture, for example 0 of a difference. */
  readonly include?: readonly number[];
}

const MARGIN = { top: 12, right: 30, bottom: 26, left: 58 };

function scales(
  points: readonly BandPoint[],
  limits: readonly Limit[],
  include: readonly number[],
  width: number,
  height: number,
) {
  const values = [
    ...points.flatMap((p) => [p.value, p.lower ?? p.value, p.upper ?? p.value]),
    ...limits.map((l) => l.value),
    ...include,
  ].filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = (high - low || Math.abs(high) || 1) * 0.08;
  const times = points.map((p) => p.atMs);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  return {
    x: scaleUtc<number>({
      domain: first === last ? [first - 43_200_000, last + 43_200_000] : [first, last],
      range: [MARGIN.left + 8, width - MARGIN.right],
    }),
    y: scaleLinear<number>({ domain: [low - pad, high + pad], range: [height - MARGIN.bottom, MARGIN.top] }),
  };
}

interface LimitsProps {
  readonly limits: readonly Limit[];
  readonly y: (value: number) => number;
  readonly width: number;
  readonly format: (value: number) => string;
}

function Limits({ limits, y, width, format }: LimitsProps): ReactNode {
  return limits.map((limit) => {
    const at = y(limit.value);
    const reference = limit.kind === 'reference';
    return (
      <g key={limit.label}>
        <line
          x1={MARGIN.left}
          x2={width - MARGIN.right}
          y1={at}
          y2={at}
          stroke={reference ? 'var(--rd-champion)' : 'var(--rd-bad)'}
          strokeDasharray={reference ? '2 3' : '6 4'}
          strokeWidth={1.4}
        />
        <text x={MARGIN.left + 6} y={at - 4} className={reference ? 'rd-chart-reference' : 'rd-chart-limit'}>
          {limit.label} {format(limit.value)}
        </text>
      </g>
    );
  });
}

function Plot({
  points,
  limits = [],
  include = [],
  format = formatNumber,
  width,
  height,
  valueName,
}: LineBandProps & { readonly width: number; readonly height: number }): ReactNode {
  const [near, setNear] = useState<number>();
  const { x, y } = scales(points, limits, include, width, height);
  const banded = points.filter((p) => p.lower !== undefined && p.upper !== undefined);
  const find = (event: PointerEvent<SVGRectElement>): void => {
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left + MARGIN.left;
    const distances = points.map((p) => Math.abs(x(p.atMs) - at));
    setNear(distances.indexOf(Math.min(...distances)));
  };
  const shown = near === undefined ? undefined : points[near];
  return (
    <>
      <ValueAxis scale={y} left={MARGIN.left} width={width - MARGIN.right} format={format} />
      <TimeAxis scale={x} top={height - MARGIN.bottom} width={width} />
      <Area data={banded} x={(p) => x(p.atMs)} y0={(p) => y(p.lower!)} y1={(p) => y(p.upper!)} fill="var(--rd-band)" />
      <Limits limits={limits} y={y} width={width} format={format} />
      <LinePath
        data={[...points]}
        x={(p) => x(p.atMs)}
        y={(p) => y(p.value)}
        stroke="var(--rd-accent)"
        strokeWidth={2}
      />
      {points.length < 60 &&
        points.map((p) => <circle key={p.atMs} cx={x(p.atMs)} cy={y(p.value)} r={2.6} fill="var(--rd-accent)" />)}
      {shown !== undefined && (
        <g pointerEvents="none">
          <line
            x1={x(shown.atMs)}
            x2={x(shown.atMs)}
            y1={MARGIN.top}
            y2={height - MARGIN.bottom}
            stroke="var(--rd-line-strong)"
          />
          <circle
            cx={x(shown.atMs)}
            cy={y(shown.value)}
            r={4}
            fill="var(--rd-surface)"
            stroke="var(--rd-accent)"
            strokeWidth={2}
          />
          <text x={MARGIN.left + 10} y={MARGIN.top + 6} className="rd-chart-readout">
            {`${formatAbsolute(shown.atMs)} · ${valueName} ${format(shown.value)}${shown.lower !== undefined && shown.upper !== undefined ? ` [${format(shown.lower)} to ${format(shown.upper)}]` : ''} · n = ${formatCount(shown.n)}`}
          </text>
        </g>
      )}
      <rect
        x={MARGIN.left}
        y={0}
        width={Math.max(0, width - MARGIN.left)}
        height={height}
        fill="transparent"
        onPointerMove={find}
        onPointerLeave={() => setNear(undefined)}
      />
    </>
  );
}

/** A value over time with its interval as a band and the limits drawn. */
export function LineBand(props: LineBandProps): ReactNode {
  const { points, limits = [], height = 210, format = formatNumber } = props;
  if (points.length === 0) return null;
  const band = points.some((p) => p.lower !== undefined);
  const rows = points.map((p) => [
    formatAbsolute(p.atMs),
    format(p.value),
    p.lower === undefined ? '–' : format(p.lower),
    p.upper === undefined ? '–' : format(p.upper),
    formatCount(p.n),
  ]);
  return (
    <ChartFrame
      title={props.title}
      summary={props.summary}
      height={height}
      table={{ head: ['time', props.valueName, 'lower', 'upper', 'n'], rows }}
      legend={
        <>
          <LegendItem mark="line">{props.valueName}</LegendItem>
          {band && <LegendItem mark="band">interval</LegendItem>}
          {limits.map((limit) => (
            <LegendItem key={limit.label} mark={limit.kind === 'reference' ? 'reference' : 'dash'}>
              {limit.label}
            </LegendItem>
          ))}
        </>
      }
    >
      {(width) => <Plot {...props} width={width} height={height} />}
    </ChartFrame>
  );
}
