import { scaleLinear } from '@visx/scale';
import { LinePath } from '@visx/shape';
import type { ReactNode } from 'react';
import { formatCount, formatPercent } from '../model/format.js';
import type { CalibrationBin } from '../model/report.js';
import { BottomAxis, ValueAxis } from './axes.js';
import { ChartFrame, LegendItem } from './frame.js';
import { shareWords } from '../ui/estimate.js';

const HEIGHT = 250;

const percent = (share: number): string => formatPercent(share, 0);

interface CurveProps {
  readonly bins: readonly CalibrationBin[];
  /** Largest share on both axes. */
  readonly top: number;
  readonly width: number;
}

function Curve({ bins, top, width }: CurveProps): ReactNode {
  const x = scaleLinear<number>({ domain: [0, top], range: [48, width - 10] });
  const y = scaleLinear<number>({ domain: [0, top], range: [HEIGHT - 26, 10] });
  return (
    <>
      <ValueAxis scale={y} left={44} width={width - 10} format={percent} />
      <BottomAxis scale={x} top={HEIGHT - 26} ticks={5} format={percent} />
      <line x1={x(0)} y1={y(0)} x2={x(top)} y2={y(top)} stroke="var(--rd-bad)" strokeDasharray="5 4" />
      {bins.map(
        (b) =>
          b.lower !== undefined &&
          b.upper !== undefined && (
            <line
              key={`i${String(b.meanPredicted)}`}
              x1={x(b.meanPredicted)}
              x2={x(b.meanPredicted)}
              y1={y(b.lower)}
              y2={y(b.upper)}
              stroke="var(--rd-accent)"
              strokeWidth={2}
            />
          ),
      )}
      <LinePath
        data={[...bins]}
        x={(b) => x(b.meanPredicted)}
        y={(b) => y(b.observed)}
        stroke="var(--rd-accent)"
        strokeWidth={1.6}
      />
      {bins.map((b) => (
        <circle key={b.meanPredicted} cx={x(b.meanPredicted)} cy={y(b.observed)} r={3.4} fill="var(--rd-accent)" />
      ))}
    </>
  );
}

/** What was predicted against what happened; the diagonal is a model that means what it says. */
export function Calibration({ bins }: { readonly bins: readonly CalibrationBin[] }): ReactNode {
  if (bins.length === 0) return null;
  const worst = bins.reduce((a, b) =>
    Math.abs(b.observed - b.meanPredicted) > Math.abs(a.observed - a.meanPredicted) ? b : a,
  );
  const top = Math.min(1, Math.max(...bins.flatMap((b) => [b.meanPredicted, b.upper ?? b.observed])) * 1.06);
  return (
    <ChartFrame
      title="Calibration on the sealed test"
      summary={`Largest gap: predicted ${formatPercent(worst.meanPredicted)}, observed ${shareWords({ ...worst, value: worst.observed, n: BigInt(worst.n) })}.`}
      height={HEIGHT}
      legend={
        <>
          <LegendItem mark="line">observed, with interval</LegendItem>
          <LegendItem mark="dash">perfect</LegendItem>
        </>
      }
      table={{
        head: ['predicted', 'observed', 'lower', 'upper', 'n'],
        rows: bins.map((b) => [
          formatPercent(b.meanPredicted),
          formatPercent(b.observed),
          b.lower === undefined ? '–' : formatPercent(b.lower),
          b.upper === undefined ? '–' : formatPercent(b.upper),
          formatCount(b.n),
        ]),
      }}
    >
      {(width) => <Curve bins={bins} top={top} width={width} />}
    </ChartFrame>
  );
}
