import { useQuery } from '@tanstack/react-query';
import { Verdict, type AnalysisResult, type Cycle, type Rollout, type RolloutStep } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../../api/queries.js';
import { LineBand, type BandPoint } from '../../charts/line-band.js';
import { formatCount, formatDuration, formatNumber, formatSigned, toMs } from '../../model/format.js';
import { metricDirection, metricTitle, statusOf, verdictOf } from '../../model/words.js';
import { Estimate } from '../../ui/estimate.js';
import { Card, Facts, Table } from '../../ui/layout.js';
import { Model } from '../../ui/links.js';
import { Empty, Loaded } from '../../ui/states.js';
import { Status } from '../../ui/status.js';
import { At } from '../../ui/time.js';
import { RolloutActions } from './rollout-actions.js';
import { RolloutSlices } from './rollout-slices.js';

type StepState = 'done' | 'now' | 'next' | 'never' | 'failed';

function Step({ step, state }: { readonly step: RolloutStep; readonly state: StepState }): ReactNode {
  const word = { done: 'done', now: 'now', next: 'to come', never: 'not entered', failed: 'rolled back here' }[state];
  return (
    <li data-state={state} aria-current={state === 'now' ? 'step' : undefined}>
      <div className="rd-strong">
        {step.name} · {step.shadow ? 'copies only' : `${String(step.weightPercent)} %`}
      </div>
      <div className="rd-muted">
        {word}, bakes {formatDuration(Number(step.bakeMs))}
        {step.enteredAt !== undefined && (
          <>
            , from <At at={step.enteredAt} />
          </>
        )}
      </div>
    </li>
  );
}

function Steps({ rollout }: { readonly rollout: Rollout }): ReactNode {
  const ended = rollout.finishedAt !== undefined;
  const stateOf = (step: RolloutStep, index: number): StepState => {
    if (ended && rollout.state === 'RolledBack' && index === rollout.stepIndex) return 'failed';
    if (ended) return step.enteredAt === undefined ? 'never' : 'done';
    return index < rollout.stepIndex ? 'done' : index === rollout.stepIndex ? 'now' : 'next';
  };
  return (
    <ol className="rd-steps">
      {rollout.steps.map((step, index) => (
        <Step key={step.name} step={step} state={stateOf(step, index)} />
      ))}
    </ol>
  );
}

function AnalysisRow({ result, said }: { readonly result: AnalysisResult; readonly said: string }): ReactNode {
  const limit = result.alpha > 0 ? 1 / result.alpha : undefined;
  return (
    <>
      <tr data-joined="true">
        <td className="rd-nowrap rd-strong">{result.analysis}</td>
        <td>
          <Status of={verdictOf(result.verdict)} />
        </td>
        <td>
          <Estimate of={result.champion} />
        </td>
        <td>
          <Estimate of={result.candidate} />
        </td>
        <td>
          <Estimate of={result.difference} signed />
          {result.difference?.limit !== undefined && (
            <div className="rd-muted">margin {formatSigned(result.difference.limit)}</div>
          )}
        </td>
        <td className="rd-nowrap">
          {formatNumber(result.eValue)}
          {limit !== undefined && <div className="rd-muted">harm at {formatNumber(limit)}</div>}
        </td>
      </tr>
      {result.verdict !== Verdict.PASS && !said.includes(result.explanation) && (
        <tr>
          <td colSpan={6}>{result.explanation}</td>
        </tr>
      )}
    </>
  );
}

interface Series {
  readonly difference: BandPoint[];
  readonly evidence: BandPoint[];
}

function seriesOf(rollout: Rollout, analysis: string): Series {
  const looks = rollout.history.flatMap((look) => {
    const atMs = toMs(look.eventTime);
    const result = look.results.find((r) => r.analysis === analysis);
    return atMs === undefined || result === undefined ? [] : [{ atMs, result, n: Number(look.labels) }];
  });
  return {
    difference: looks.flatMap(({ atMs, result, n }) => {
      const d = result.difference;
      return d === undefined
        ? []
        : [
            {
              atMs,
              value: d.value,
              n: Number(d.n) || n,
              ...(d.lower !== undefined && { lower: d.lower }),
              ...(d.upper !== undefined && { upper: d.upper }),
            },
          ];
    }),
    evidence: looks.map(({ atMs, result, n }) => ({ atMs, value: Math.log10(Math.max(1e-6, result.eValue)), n })),
  };
}

function AnalysisCharts({
  rollout,
  result,
}: {
  readonly rollout: Rollout;
  readonly result: AnalysisResult;
}): ReactNode {
  const { difference, evidence } = seriesOf(rollout, result.analysis);
  const metric = result.difference?.name ?? '';
  const margin = result.difference?.limit;
  const better =
    metricDirection(metric) === 'higher'
      ? 'above zero the challenger is better'
      : 'below zero the challenger is better';
  const harm = result.alpha > 0 ? Math.log10(1 / result.alpha) : undefined;
  if (difference.length === 0 && evidence.length === 0) return null;
  return (
    <div className="rd-grid" data-wide="true">
      <LineBand
        title={`${result.analysis}: challenger minus champion over the looks`}
        valueName={`${metricTitle(metric)} difference`}
        summary={`Now ${formatSigned(result.difference?.value ?? 0)} [${formatSigned(result.difference?.lower ?? NaN)} to ${formatSigned(result.difference?.upper ?? NaN)}] after ${formatCount(result.looks)} looks; ${better}. The band holds at every look at once, so looking often is safe.`}
        points={difference}
        limits={margin === undefined ? [] : [{ value: margin, label: 'margin' }]}
        include={[0]}
      />
      <LineBand
        title={`${result.analysis}: evidence of harm`}
        valueName="e-value"
        logarithmic
        format={(value) => formatNumber(10 ** value)}
        summary={`e-value ${formatNumber(result.eValue)}${result.alpha > 0 ? `; harm is declared at ${formatNumber(1 / result.alpha)} (alpha ${formatNumber(result.alpha)})` : ''}.`}
        points={evidence}
        limits={harm === undefined ? [] : [{ value: harm, label: 'harm declared at' }]}
        include={[0]}
      />
    </div>
  );
}

const URGENCY: Partial<Record<Verdict, number>> = { [Verdict.FAIL]: 0, [Verdict.ERROR]: 1, [Verdict.INCONCLUSIVE]: 2 };

function RolloutView({ rollout }: { readonly rollout: Rollout }): ReactNode {
  const ended = rollout.finishedAt !== undefined;
  // What decided, or still has to, comes first.
  const urgency = (result: AnalysisResult): number => URGENCY[result.verdict] ?? 3;
  const latest = rollout.latest.toSorted((a, b) => urgency(a) - urgency(b));
  return (
    <div className="rd-page">
      <Card title="Rollout" note={<Status of={statusOf(rollout.state)} />} tone={ended ? 'plain' : 'accent'}>
        <p className="rd-big">{ended ? rollout.cause : rollout.waitingFor}</p>
        <Steps rollout={rollout} />
        <Facts
          items={[
            ['Challenger', <Model key="c" of={rollout.candidate} />],
            ['Champion', <Model key="m" of={rollout.champion} />],
            ['Challenger traffic', `${String(rollout.weightPercent)} %`],
            ['Predictions', formatCount(rollout.predictions)],
            ['With labels', formatCount(rollout.labels)],
          ]}
        />
        <RolloutActions rollout={rollout} />
      </Card>
      <Card title="Both arms" note={ended ? 'at the last look' : 'at the latest look'} flush>
        {latest.length === 0 ? (
          <Empty title="Nothing has been measured yet.">
            Predictions must come and get their labels first. No evidence never raises the challenger's traffic.
          </Empty>
        ) : (
          <Table caption="Analyses" head={['Analysis', 'Verdict', 'Champion', 'Challenger', 'Difference', 'e-value']}>
            {latest.map((result) => (
              <AnalysisRow key={result.analysis} result={result} said={ended ? rollout.cause : rollout.waitingFor} />
            ))}
          </Table>
        )}
      </Card>
      {latest.map(
        (result) => result.slices && <RolloutSlices key={result.analysis} result={result} slices={result.slices} />,
      )}
      {latest.some((result) => seriesOf(rollout, result.analysis).difference.length > 0) && (
        <Card title="Over the looks">
          {latest.map((result) => (
            <AnalysisCharts key={result.analysis} rollout={rollout} result={result} />
          ))}
        </Card>
      )}
    </div>
  );
}

/** Traffic step by step, with the evidence of both arms and what each button would do. */
export function RolloutTab({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const query = useQuery({ ...reads.rollout(cycle.pipeline, cycle.cycleId), enabled: cycle.rolloutId !== '' });
  if (cycle.rolloutId === '')
    return (
      <Card title="Rollout">
        <Empty title="No traffic has moved for this cycle.">
          A rollout begins when evaluation and approval allow it.
        </Empty>
      </Card>
    );
  return (
    <Loaded query={query} lines={6}>
      {(rollout) => <RolloutView rollout={rollout} />}
    </Loaded>
  );
}
