import type { ReactNode } from 'react';

interface MiniHistogramProps {
  readonly name: string;
  readonly reference: readonly number[];
  readonly current: readonly number[];
}

const WIDTH = 150;
const HEIGHT = 38;

/** Shares per bin: the outline is the reference, the filled bars are now. */
export function MiniHistogram({ name, reference, current }: MiniHistogramProps): ReactNode {
  const bins = Math.max(reference.length, current.length);
  if (bins === 0) return <span className="rd-muted">no bins</span>;
  const top = Math.max(...reference, ...current, 1e-9);
  const step = WIDTH / bins;
  const h = (share: number | undefined): number => ((share ?? 0) / top) * (HEIGHT - 2);
  const moved = current.map((share, i) => share - (reference[i] ?? 0));
  const most = moved.reduce((best, change, i) => (Math.abs(change) > Math.abs(moved[best] ?? 0) ? i : best), 0);
  const points = (moved[most] ?? 0) * 100;
  const summary = `${name}: bin ${String(most + 1)} of ${String(bins)} changed most, by ${points.toFixed(1)} points`;
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
        </g>
      ))}
      <line x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} stroke="var(--rd-line-strong)" />
    </svg>
  );
}
