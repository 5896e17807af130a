import { useQuery } from '@tanstack/react-query';
import type {
  Cycle,
  DriftEvaluated,
  Estimate as EstimateMessage,
  FeatureDrift,
  SeasonComparison,
} from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../../api/queries.js';
import { LegendItem } from '../../charts/frame.js';
import { MiniHistogram } from '../../charts/mini-histogram.js';
import { formatCount, formatNumber, formatPercent, toMs } from '../../model/format.js';
import { driftOf } from '../../model/words.js';
import { Digest } from '../../ui/copy.js';
import { Estimate } from '../../ui/estimate.js';
import { Card, Facts, Table } from '../../ui/layout.js';
import { Empty, Loaded } from '../../ui/states.js';
import { Status } from '../../ui/status.js';
import { At } from '../../ui/time.js';

/** What the season explains matters no more than it does every year. */
const effect = ({ importance, psi, season }: FeatureDrift, end: 'lower' | 'value' | 'upper' = 'value'): number => {
  const at = (of: EstimateMessage | undefined): number | undefined => of?.[end] ?? of?.value;
  const beyondNoise = Math.max(0, (at(psi) ?? 0) - (psi?.limit ?? 0));
  if (!season) return importance * beyondNoise;
  return season.unusual ? importance * Math.min(beyondNoise, at(season.effect) ?? Infinity) : 0;
};

const effectText = (value: number): string => (value > 0 && value < 0.0001 ? '< 0.0001' : formatNumber(value));

/** The newest evaluation that was known when the cycle was decided. */
function evaluationOf(cycle: Cycle, evaluations: readonly DriftEvaluated[]): DriftEvaluated | undefined {
  const decidedMs = toMs(cycle.eventTime) ?? Infinity;
  return evaluations.find((evaluation) => (toMs(evaluation.window?.end) ?? Infinity) <= decidedMs);
}

function PValue({ log10 }: { readonly log10: number }): ReactNode {
  if (log10 >= -3) return formatNumber(10 ** log10);
  return (
    <>
      10<sup>{formatNumber(Math.round(log10))}</sup>
    </>
  );
}

function Season({ of: { effect: found, windows } }: { readonly of: SeasonComparison }): ReactNode {
  return (
    <div className="rd-muted">
      against {formatCount(windows)} past batches of its season <Estimate of={found} />, usually up to{' '}
      {formatNumber(found?.limit ?? 0)}
    </div>
  );
}

/** Evaluations made before null rates had intervals show what they have. */
function NullRate({ rate, of }: { readonly rate: number; readonly of: EstimateMessage | undefined }): ReactNode {
  return <div>{of === undefined ? formatPercent(rate) : <Estimate of={of} share />}</div>;
}

function FeatureRow({ feature }: { readonly feature: FeatureDrift }): ReactNode {
  return (
    <tr>
      <td className="rd-nowrap">
        <code>{feature.feature}</code>
      </td>
      <td>
        <Status of={driftOf(feature.state)} />
      </td>
      <td>
        <MiniHistogram
          name={feature.feature}
          reference={feature.referenceShares}
          current={feature.currentShares}
          bounds={feature.currentShareBounds}
        />
      </td>
      <td className="rd-nowrap">
        <span className="rd-strong">{effectText(effect(feature))}</span>{' '}
        <span className="rd-estimate-rest">
          [{effectText(effect(feature, 'lower'))} to {effectText(effect(feature, 'upper'))}]
        </span>
      </td>
      <td className="rd-nowrap">{formatPercent(feature.importance)}</td>
      <td className="rd-nowrap">
        <Estimate of={feature.psi} />
        {feature.psi?.limit !== undefined && (
          <div className="rd-muted">noise floor {formatNumber(feature.psi.limit)}</div>
        )}
        {feature.season?.effect && <Season of={feature.season} />}
      </td>
      <td className="rd-nowrap">
        <PValue log10={feature.adjustedPValueLog10} />
      </td>
      <td className="rd-nowrap">
        <NullRate rate={feature.nullRateReference} of={feature.nullRateReferenceEstimate} />
        <NullRate rate={feature.nullRateCurrent} of={feature.nullRateCurrentEstimate} />
      </td>
      <td className="rd-nowrap">
        {[feature.wasserstein, feature.distance, feature.jensenShannon].map(
          (distance) =>
            distance && (
              <div key={distance.name}>
                <Estimate of={distance} withName />
              </div>
            ),
        )}
      </td>
    </tr>
  );
}

function DriftTable({ evaluation }: { readonly evaluation: DriftEvaluated }): ReactNode {
  const features = evaluation.features.toSorted((a, b) => effect(b) - effect(a) || b.importance - a.importance);
  return (
    <>
      <div className="rd-row">
        <Status of={driftOf(evaluation.state)} />
        <span>
          importance-weighted drift <Estimate of={evaluation.importanceWeighted} />
        </span>
        <span className="rd-muted">
          batch up to <At at={evaluation.window?.end} />, {formatCount(evaluation.rows)} rows
        </span>
        <span className="rd-legend">
          <LegendItem mark="champion">reference</LegendItem>
          <LegendItem mark="challenger">this batch</LegendItem>
        </span>
      </div>
      <Table
        caption="Features by expected effect"
        head={[
          'Feature',
          'State',
          'Reference and now',
          'Effect',
          'Importance',
          'PSI',
          'p, adjusted',
          'Missing: reference, now',
          'Distances',
        ]}
      >
        {features.map((feature) => (
          <FeatureRow key={feature.feature} feature={feature} />
        ))}
      </Table>
      <p className="rd-muted">
        Effect = importance × PSI above the noise floor, less what the season explains: what drifted and matters comes
        first. Importance is counted from the model that serves, so it is exact; the effect is as sure as the PSI is.
      </p>
    </>
  );
}

/** What the cycle learned from, and how far that moved. */
export function DataTab({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const drift = useQuery(reads.drift(cycle.pipeline));
  const splits = Object.entries(cycle.splitRows).map(([name, rows]) => `${name} ${formatCount(rows)}`);
  return (
    <div className="rd-page">
      <Card title="Snapshot">
        {cycle.snapshotDigest === '' ? (
          <Empty title="The snapshot is not ready yet." />
        ) : (
          <Facts
            items={[
              ['Snapshot', <Digest key="s" value={cycle.snapshotDigest} />],
              ['Manifest with lineage', <Digest key="m" value={cycle.manifestDigest} />],
              ['Data from', <At key="f" at={cycle.dataWindow?.start} />],
              ['Data to', <At key="t" at={cycle.dataWindow?.end} />],
              ['Rows per split', splits.join(' · ') || 'not known'],
            ]}
          />
        )}
        <p className="rd-muted">The same inputs always give the same digest.</p>
      </Card>
      <Card title="Drift when it was decided">
        <Loaded query={drift}>
          {({ evaluations }) => {
            const evaluation = evaluationOf(cycle, evaluations);
            return evaluation === undefined ? (
              <Empty title="Nothing to compare with.">
                There was no champion with a reference profile at that time.
              </Empty>
            ) : (
              <DriftTable evaluation={evaluation} />
            );
          }}
        </Loaded>
      </Card>
    </div>
  );
}
