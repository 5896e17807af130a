import type { Candidate, Cycle } from '@rondo/contracts';
import { Switch } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { Forest } from '../../charts/forest.js';
import { formatDuration } from '../../model/format.js';
import { metricDirection, metricTitle, statusOf } from '../../model/words.js';
import { Digest } from '../../ui/copy.js';
import { Estimate } from '../../ui/estimate.js';
import { Card, Table } from '../../ui/layout.js';
import { Empty } from '../../ui/states.js';
import { Status } from '../../ui/status.js';

const FEATURES_SHOWN = 20;

function differing(candidates: readonly Candidate[]): Set<string> {
  const names = new Set(candidates.flatMap((candidate) => Object.keys(candidate.params)));
  return new Set([...names].filter((name) => new Set(candidates.map((candidate) => candidate.params[name])).size > 1));
}

function Row({
  candidate,
  shown,
}: {
  readonly candidate: Candidate;
  readonly shown: (name: string) => boolean;
}): ReactNode {
  const params = Object.entries(candidate.params).filter(([name]) => shown(name));
  return (
    <tr>
      <td className="rd-nowrap">
        <span className="rd-strong">{candidate.name}</span>
        <div className="rd-muted">{candidate.trainer}</div>
      </td>
      <td>
        <Status of={statusOf(candidate.state)} />{' '}
        {candidate.selected && <Status of={{ tone: 'good', word: 'selected' }} />}
        {candidate.state === 'Training' && (
          <div className="rd-muted">
            {candidate.stage} {Math.round(candidate.progress * 100)} %
          </div>
        )}
        {candidate.message !== '' && <div className="rd-muted">{candidate.message}</div>}
      </td>
      <td>
        {candidate.validation.length === 0 ? (
          <span className="rd-muted">not measured</span>
        ) : (
          candidate.validation.map((metric) => (
            <div key={metric.name}>
              <Estimate of={metric} withName />
            </div>
          ))
        )}
      </td>
      <td>
        {params.length === 0 ? (
          <span className="rd-muted">same as the others</span>
        ) : (
          params.map(([name, value]) => (
            <div key={name}>
              <code>
                {name} = {value}
              </code>
            </div>
          ))
        )}
      </td>
      <td className="rd-nowrap">{candidate.durationMs > 0n ? formatDuration(Number(candidate.durationMs)) : '–'}</td>
      <td>
        <Digest value={candidate.modelDigest} />
      </td>
    </tr>
  );
}

/** Validation of each candidate minus the best one, on the metric the first of them reports. */
function Comparison({ candidates }: { readonly candidates: readonly Candidate[] }): ReactNode {
  const metric = candidates.find((c) => c.validation.length > 0)?.validation[0]?.name;
  const measured = candidates.flatMap((candidate) => {
    const estimate = candidate.validation.find((m) => m.name === metric);
    return estimate === undefined ? [] : [{ candidate, estimate }];
  });
  if (metric === undefined || measured.length < 2) return null;
  const lower = metricDirection(metric) !== 'higher';
  const best = measured.reduce((a, b) => (lower === b.estimate.value < a.estimate.value ? b : a));
  const rows = measured.map(({ candidate, estimate }) => ({
    name: candidate.name,
    value: estimate.value - best.estimate.value,
    ...(estimate.lower !== undefined && { lower: estimate.lower - best.estimate.value }),
    ...(estimate.upper !== undefined && { upper: estimate.upper - best.estimate.value }),
    n: Number(estimate.n),
    status: candidate.selected
      ? { tone: 'good' as const, word: 'selected' }
      : { tone: 'info' as const, word: 'not selected' },
  }));
  return (
    <Forest
      title={`Validation ${metricTitle(metric)}, minus the best candidate`}
      summary={`Best is ${best.candidate.name}. A circle marks the selected candidate; intervals are those of each candidate's own value.`}
      rows={rows}
      ends={lower ? ['better', 'worse'] : ['worse', 'better']}
    />
  );
}

/** What the selected candidate makes its predictions of, as far as rows it was not trained on show it. */
function Reliance({ candidates }: { readonly candidates: readonly Candidate[] }): ReactNode {
  const selected = candidates.find((candidate) => candidate.selected && candidate.featureReliance.length > 0);
  if (selected === undefined) return null;
  const rows = selected.featureReliance
    .toSorted((a, b) => b.value - a.value)
    .map((feature) => ({
      name: feature.slice,
      value: feature.value,
      n: Number(feature.n),
      ...(feature.lower !== undefined && { lower: feature.lower }),
      ...(feature.upper !== undefined && { upper: feature.upper }),
    }));
  return (
    <Card title={`What ${selected.name} relies on`}>
      <Forest
        title="Rise of the validation log loss without a feature"
        summary={`The feature's values are switched between the rows of random pairs; n is their number, and each interval holds on its own. ${rows.length > FEATURES_SHOWN ? `The ${String(FEATURES_SHOWN)} features with the largest rise of ${String(rows.length)}.` : ''}`}
        rows={rows.slice(0, FEATURES_SHOWN)}
        ends={['misleads', 'relied on']}
      />
    </Card>
  );
}

/** Candidates, what they were trained with, how they did, and the rule that chose. */
export function TrainingTab({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const [onlyDifferences, setOnlyDifferences] = useState(true);
  const different = differing(cycle.candidates);
  const shown = (name: string): boolean => !onlyDifferences || cycle.candidates.length < 2 || different.has(name);
  if (cycle.candidates.length === 0)
    return (
      <Card title="Candidates">
        <Empty title="Training has not begun." />
      </Card>
    );
  return (
    <div className="rd-page">
      <Card title="Selection">
        <p>{cycle.selection || 'No candidate has been selected yet.'}</p>
        <Comparison candidates={cycle.candidates} />
      </Card>
      <Reliance candidates={cycle.candidates} />
      <Card
        title="Candidates"
        flush
        actions={
          <Switch
            size="xs"
            checked={onlyDifferences}
            onChange={(event) => setOnlyDifferences(event.currentTarget.checked)}
            label="Only differing parameters"
          />
        }
      >
        <Table
          caption="Candidates"
          head={['Candidate', 'State', 'On the validation split', 'Parameters', 'Took', 'Model']}
        >
          {cycle.candidates.map((candidate) => (
            <Row key={candidate.name} candidate={candidate} shown={shown} />
          ))}
        </Table>
      </Card>
    </div>
  );
}
