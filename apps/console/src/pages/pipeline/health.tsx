import { useQuery } from '@tanstack/react-query';
import type { DriftEvaluated, PerformanceEvaluated } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../../api/queries.js';
import { LineBand, type BandPoint } from '../../charts/line-band.js';
import { formatPercent, toMs } from '../../model/format.js';
import { metricDirection, metricTitle } from '../../model/words.js';
import { estimateWords, shareWords } from '../../ui/estimate.js';
import { Card } from '../../ui/layout.js';
import { Empty, Loaded } from '../../ui/states.js';
import { Attribution } from './attribution.js';
import { Forecasts } from './forecasts.js';

const pointWords = ({ n, ...point }: BandPoint): string => estimateWords({ ...point, n: BigInt(n) });

function pointsOf(
  evaluations: readonly PerformanceEvaluated[],
  metric: string,
  which: 'metrics' | 'referenceMetrics',
): BandPoint[] {
  const points = evaluations.flatMap((evaluation) => {
    const estimate = evaluation[which].find((m) => m.name === metric);
    const atMs = toMs(evaluation.window?.end ?? evaluation.evaluatedAt);
    if (estimate === undefined || atMs === undefined) return [];
    return [
      {
        atMs,
        value: estimate.value,
        n: Number(estimate.n),
        ...(estimate.lower !== undefined && { lower: estimate.lower }),
        ...(estimate.upper !== undefined && { upper: estimate.upper }),
      },
    ];
  });
  return points.toSorted((a, b) => a.atMs - b.atMs);
}

function Performance({
  evaluations,
  metric,
}: {
  readonly evaluations: readonly PerformanceEvaluated[];
  readonly metric: string;
}): ReactNode {
  const points = pointsOf(evaluations, metric, 'metrics');
  const references = pointsOf(evaluations, metric, 'referenceMetrics');
  const last = points.at(-1);
  if (last === undefined) return null;
  const latest = evaluations[0];
  const reference = latest?.referenceMetrics.find((m) => m.name === metric);
  const limit = latest?.metrics.find((m) => m.name === metric)?.limit;
  const better = metricDirection(metric);
  const coverage =
    latest?.labelCoverageEstimate === undefined
      ? formatPercent(latest?.labelCoverage ?? 0)
      : shareWords(latest.labelCoverageEstimate);
  const estimated = latest?.estimated === true ? ' Estimated: its labels have not come yet.' : '';
  return (
    <LineBand
      title={`Live ${metricTitle(metric)} of the champion`}
      valueName={metricTitle(metric)}
      summary={`Latest ${pointWords(last)}${reference === undefined ? '' : `, at its own evaluation ${estimateWords(reference)}`}; ${better === 'none' ? '' : `${better} is better; `}labels cover ${coverage}.${estimated}`}
      points={points}
      limits={limit === undefined ? [] : [{ value: limit, label: 'limit' }]}
      {...(references.length > 0 && { reference: { label: "at the champion's own evaluation", points: references } })}
    />
  );
}

function Drift({ evaluations }: { readonly evaluations: readonly DriftEvaluated[] }): ReactNode {
  const points = evaluations
    .flatMap((evaluation): BandPoint[] => {
      const atMs = toMs(evaluation.window?.end ?? evaluation.evaluatedAt);
      const estimate = evaluation.importanceWeighted;
      if (atMs === undefined || estimate === undefined) return [];
      return [
        {
          atMs,
          value: estimate.value,
          n: Number(evaluation.rows),
          ...(estimate.lower !== undefined && { lower: estimate.lower }),
          ...(estimate.upper !== undefined && { upper: estimate.upper }),
        },
      ];
    })
    .toSorted((a, b) => a.atMs - b.atMs);
  const [latest, last] = [evaluations[0], points.at(-1)];
  if (latest === undefined || last === undefined) return null;
  const limit = latest.importanceWeighted?.limit;
  const worst = latest.features.toSorted(
    (a, b) => (b.psi?.value ?? 0) * b.importance - (a.psi?.value ?? 0) * a.importance,
  )[0];
  return (
    <LineBand
      title="Drift, weighted by importance"
      valueName="importance × PSI"
      summary={`Latest ${pointWords(last)}; ${String(latest.featuresDetected)} of ${String(latest.features.length)} features drifted${worst === undefined ? '' : `, most of it from ${worst.feature}`}.`}
      points={points}
      limits={limit === undefined ? [] : [{ value: limit, label: 'limit' }]}
      include={[0]}
    />
  );
}

/** How the champion does on live traffic, and how far the data moved from what it was trained on. */
export function Health({ pipeline }: { readonly pipeline: string }): ReactNode {
  const drift = useQuery(reads.drift(pipeline));
  const performance = useQuery(reads.performance(pipeline));
  return (
    <>
      <div className="rd-grid" data-wide="true">
        <Card title="Performance">
          <Loaded query={performance}>
            {({ evaluations }) =>
              evaluations.length === 0 ? (
                <Empty title="No live performance yet.">
                  It needs a champion that serves, and labels for what it predicted.
                </Empty>
              ) : (
                <>
                  <Performance
                    evaluations={evaluations}
                    metric={
                      evaluations[0]?.metrics.some((m) => m.name === 'logLoss') === true
                        ? 'logLoss'
                        : (evaluations[0]?.metrics[0]?.name ?? '')
                    }
                  />
                  <Attribution of={evaluations[0]?.attribution} />
                </>
              )
            }
          </Loaded>
        </Card>
        <Card title="Drift">
          <Loaded query={drift}>
            {({ evaluations }) =>
              evaluations.length === 0 ? (
                <Empty title="No drift evaluation yet.">
                  Batches are compared once there is a champion with a reference profile.
                </Empty>
              ) : (
                <Drift evaluations={evaluations} />
              )
            }
          </Loaded>
        </Card>
      </div>
      <Forecasts pipeline={pipeline} />
    </>
  );
}
