import { scaleLinear, scaleUtc } from '@visx/scale';
import { Area, LinePath } from '@visx/shape';
import { useId, useState, type PointerEvent, type ReactNode } from 'react';
import { formatAbsolute, formatCount, formatNumber, formatPercent } from '../model/format.js';
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

/** Horizontal line with its name: something not to pass. */
export interface Limit {
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
  /** Values are logarithms: only whole ones are marked. */
  readonly logarithmic?: boolean;
  /** Keeps this value inside the picture, for example 0 of a difference. */
  readonly include?: readonly number[];
  /** The points continued: a fan that opens from the last of them, with the coverage of its intervals. */
  readonly ahead?: { readonly points: readonly BandPoint[]; readonly confidence: number };
  /** What each point is to be compared with, where that changes over time. */
  readonly reference?: { readonly label: string; readonly points: readonly BandPoint[] };
}

const MARGIN = { top: 12, right: 30, bottom: 26, left: 58 };

/** Points that rest on fewer rows than this share of the last one's do not stretch the picture; they leave it. */
const EARLY = 0.02;

function scales({ points, limits = [], include = [], ahead, reference }: LineBandProps, width: number, height: number) {
  const enough = (points.at(-1)?.n ?? 0) * EARLY;
  const values = [
    ...points.filter((p) => p.n >= enough).flatMap((p) => [p.value, p.lower ?? p.value, p.upper ?? p.value]),
    ...(ahead?.points ?? []).flatMap((p) => [p.value, p.lower ?? p.value, p.upper ?? p.value]),
    ...(reference?.points ?? []).map((p) => p.value),
    ...limits.map((l) => l.value),
    ...include,
  ].filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = (high - low || Math.abs(high) || 1) * 0.08;
  const times = [...points, ...(ahead?.points ?? [])].map((p) => p.atMs);
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
    return (
      <g key={limit.label}>
        <line
          x1={MARGIN.left}
          x2={width - MARGIN.right}
          y1={at}
          y2={at}
          stroke="var(--rd-bad)"
          strokeDasharray="6 4"
          strokeWidth={1.4}
        />
        <text x={MARGIN.left + 6} y={at - 4} className="rd-chart-limit">
          {limit.label} {format(limit.value)}
        </text>
      </g>
    );
  });
}

type Placed = LineBandProps & {
  readonly width: number;
  readonly height: number;
  readonly x: (atMs: number) => number;
  readonly y: (value: number) => number;
};

/** A value holds for the time before its point, up to the point before. */
const stepsOf = (points: readonly BandPoint[]): BandPoint[] =>
  points.flatMap((point, index) => (index === 0 ? [point] : [{ ...point, atMs: points[index - 1]!.atMs }, point]));

/** What is to come, opening from the last point. */
function Fan({ points, ahead, x, y }: Placed): ReactNode {
  const last = points.at(-1);
  if (ahead === undefined || last === undefined) return null;
  const fan = [{ ...last, lower: last.value, upper: last.value }, ...ahead.points];
  return (
    <>
      <Area
        data={fan}
        x={(p) => x(p.atMs)}
        y0={(p) => y(p.lower ?? p.value)}
        y1={(p) => y(p.upper ?? p.value)}
        fill="var(--rd-band)"
      />
      <LinePath
        data={fan}
        x={(p) => x(p.atMs)}
        y={(p) => y(p.value)}
        stroke="var(--rd-accent)"
        strokeDasharray="5 4"
        strokeWidth={2}
      />
    </>
  );
}

/** Band, reference and line, cut off where the picture ends. */
function Lines(props: Placed): ReactNode {
  const { points, reference, width, height, x, y } = props;
  const clip = useId();
  const banded = points.filter((p) => p.lower !== undefined && p.upper !== undefined);
  return (
    <>
      <clipPath id={clip}>
        <rect
          x={MARGIN.left}
          y={MARGIN.top - 4}
          width={Math.max(0, width - MARGIN.left)}
          height={height - MARGIN.bottom - MARGIN.top + 4}
        />
      </clipPath>
      <g clipPath={`url(#${clip})`}>
        <Area
          data={banded}
          x={(p) => x(p.atMs)}
          y0={(p) => y(p.lower!)}
          y1={(p) => y(p.upper!)}
          fill="var(--rd-band)"
        />
        <Fan {...props} />
        {reference !== undefined && (
          <LinePath
            data={stepsOf(reference.points)}
            x={(p) => x(p.atMs)}
            y={(p) => y(p.value)}
            stroke="var(--rd-champion)"
            strokeDasharray="2 3"
            strokeWidth={1.6}
          />
        )}
        <LinePath
          data={[...points]}
          x={(p) => x(p.atMs)}
          y={(p) => y(p.value)}
          stroke="var(--rd-accent)"
          strokeWidth={2}
        />
        {points.length < 60 &&
          points.map((p, index) => (
            <circle key={index} cx={x(p.atMs)} cy={y(p.value)} r={2.6} fill="var(--rd-accent)" />
          ))}
      </g>
    </>
  );
}

function Plot(props: LineBandProps & { readonly width: number; readonly height: number }): ReactNode {
  const { limits = [], format = formatNumber, width, height, valueName } = props;
  const points = [...props.points, ...(props.ahead?.points ?? [])];
  const [near, setNear] = useState<number>();
  const { x, y } = scales(props, width, height);
  const find = (event: PointerEvent<SVGRectElement>): void => {
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left + MARGIN.left;
    const distances = points.map((p) => Math.abs(x(p.atMs) - at));
    setNear(distances.indexOf(Math.min(...distances)));
  };
  const shown = near === undefined ? undefined : points[near];
  return (
    <>
      <ValueAxis
        scale={y}
        left={MARGIN.left}
        width={width - MARGIN.right}
        format={format}
        whole={props.logarithmic ?? false}
      />
      <TimeAxis scale={x} top={height - MARGIN.bottom} width={width} />
      <Lines {...props} x={x} y={y} />
      <Limits limits={limits} y={y} width={width} format={format} />
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
  const { points: measured, ahead, limits = [], height = 210, format = formatNumber } = props;
  if (measured.length === 0) return null;
  const points = [...measured, ...(ahead?.points ?? [])];
  const band = measured.some((p) => p.lower !== undefined);
  const rows = points.map((p) => [
    `${formatAbsolute(p.atMs)}${ahead?.points.includes(p) === true ? ' (forecast)' : ''}`,
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
          {ahead !== undefined && (
            <>
              <LegendItem mark="ahead">forecast</LegendItem>
              <LegendItem mark="band">{formatPercent(ahead.confidence, 0)} interval</LegendItem>
            </>
          )}
          {props.reference !== undefined && <LegendItem mark="reference">{props.reference.label}</LegendItem>}
          {limits.map((limit) => (
            <LegendItem key={limit.label} mark="dash">
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
