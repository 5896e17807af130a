import type { ReactNode } from 'react';
import { shareWords } from '../ui/estimate.js';

/** Bounds of the share of each bin now, and the rows they rest on. */
interface Bounds {
  readonly lower: readonly number[];
  readonly upper: readonly number[];
  readonly n: bigint;
}

interface MiniHistogramProps {
  readonly name: string;
  readonly reference: readonly number[];
  readonly current: readonly number[];
  readonly bounds?: Bounds | undefined;
}

const WIDTH = 150;
const HEIGHT = 38;

/** Shares per bin: the outline is the reference, the filled bars are now, with their intervals. */
export function MiniHistogram({ name, reference, current, bounds }: MiniHistogramProps): ReactNode {
  const bins = Math.max(reference.length, current.length);
  if (bins === 0) return <span className="rd-muted">no bins</span>;
  const top = Math.max(...reference, ...current, ...(bounds?.upper ?? []), 1e-9);
  const step = WIDTH / bins;
  const h = (share: number | undefined): number => ((share ?? 0) / top) * (HEIGHT - 2);
  const moved = current.map((share, i) => share - (reference[i] ?? 0));
  const most = moved.reduce((best, change, i) => (Math.abs(change) > Math.abs(moved[best] ?? 0) ? i : best), 0);
  const points = (moved[most] ?? 0) * 100;
  const share = bounds && {
    value: current[most] ?? 0,
    lower: bounds.lower[most],
    upper: bounds.upper[most],
    n: bounds.n,
  };
  const now = share === undefined ? '' : `, to ${shareWords(share)}`;
  const summary = `${name}: bin ${String(most + 1)} of ${String(bins)} changed most, by ${points.toFixed(1)} points${now}`;
  return (
    <svg width={WIDTH} height={HEIGHT} role="img" aria-label={summary}>
      <title>{summary}</title>
      {Array.from({ length: bins }, (_, i) => (
        <g key={i}>
          <rect
            x={i * step + 1}
            width={Math.max(1, step - 2)}
            y={HEIGHT - h(current[i])}
            height={h(current[i])}
            fill="var(--rd-challenger)"
            opacity={0.75}
          />
          <rect
            x={i * step + 1}
            width={Math.max(1, step - 2)}
            y={HEIGHT - h(reference[i])}
            height={h(reference[i])}
            fill="none"
            stroke="var(--rd-champion)"
            strokeWidth={1.3}
          />
          {bounds !== undefined && (
            <line
              x1={(i + 0.5) * step}
              x2={(i + 0.5) * step}
              y1={HEIGHT - h(bounds.lower[i])}
              y2={HEIGHT - h(bounds.upper[i])}
              stroke="var(--rd-line-strong)"
            />
          )}
        </g>
      ))}
      <line x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} stroke="var(--rd-line-strong)" />
    </svg>
  );
}
