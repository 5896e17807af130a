import { AxisBottom, AxisLeft } from '@visx/axis';
import type { scaleLinear, scaleUtc } from '@visx/scale';
import type { ReactNode } from 'react';
import { formatNumber } from '../model/format.js';

type Linear = ReturnType<typeof scaleLinear<number>>;
type Utc = ReturnType<typeof scaleUtc<number>>;

const label = { fill: 'var(--rd-muted)', fontSize: 11, fontFamily: 'var(--rd-font)' } as const;
const short = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
const hours = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
});
const DAY_MS = 86_400_000;

/** Values on the left with hair lines across. */
export function ValueAxis({
  scale,
  left,
  width,
  ticks = 4,
  whole = false,
  format = formatNumber,
}: {
  readonly scale: Linear;
  readonly left: number;
  readonly width: number;
  readonly ticks?: number;
  /** Marks whole numbers only, for example the powers of ten of a logarithm. */
  readonly whole?: boolean;
  readonly format?: (value: number) => string;
}): ReactNode {
  const values = scale.ticks(ticks).filter((tick) => !whole || Number.isInteger(tick));
  return (
    <g>
      {values.map((tick) => (
        <line key={tick} x1={left} x2={width} y1={scale(tick)} y2={scale(tick)} stroke="var(--rd-line)" />
      ))}
      <AxisLeft
        scale={scale}
        left={left}
        tickValues={values}
        hideAxisLine
        hideTicks
        tickFormat={(v) => format(Number(v))}
        tickLabelProps={{ ...label, textAnchor: 'end', dx: -4, dy: 4 }}
      />
    </g>
  );
}

/** Time along the bottom, in UTC. */
export function TimeAxis({
  scale,
  top,
  width,
}: {
  readonly scale: Utc;
  readonly top: number;
  readonly width: number;
}): ReactNode {
  const [from, to] = scale.domain();
  const format = (to?.getTime() ?? 0) - (from?.getTime() ?? 0) < 4 * DAY_MS ? hours : short;
  return (
    <AxisBottom
      scale={scale}
      top={top}
      numTicks={Math.max(2, Math.floor(width / 130))}
      stroke="var(--rd-line)"
      hideTicks
      tickFormat={(v) => format.format(Number(v))}
      tickLabelProps={{ ...label, textAnchor: 'middle' }}
    />
  );
}

/** Plain values along the bottom. */
export function BottomAxis({
  scale,
  top,
  ticks,
  format = formatNumber,
}: {
  readonly scale: Linear;
  readonly top: number;
  readonly ticks: number;
  readonly format?: (value: number) => string;
}): ReactNode {
  return (
    <AxisBottom
      scale={scale}
      top={top}
      numTicks={ticks}
      stroke="var(--rd-line)"
      hideTicks
      tickFormat={(v) => format(Number(v))}
      tickLabelProps={{ ...label, textAnchor: 'middle' }}
    />
  );
}
