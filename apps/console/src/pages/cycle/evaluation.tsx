import { useQuery } from '@tanstack/react-query';
import { Verdict, type Cycle, type GateResult } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../../api/queries.js';
import { Calibration } from '../../charts/calibration.js';
import { Forest, type ForestRow } from '../../charts/forest.js';
import { formatCount, formatNumber, formatPercent, valueTexts } from '../../model/format.js';
import {
  parseReport,
  type Report,
  type ReportEstimate,
  type ReportGroup,
  type ReportSlices,
} from '../../model/report.js';
import { metricDirection, metricTitle, severityWord, verdictOf } from '../../model/words.js';
import { Digest } from '../../ui/copy.js';
import { Estimate } from '../../ui/estimate.js';
import { Card, Facts, Table } from '../../ui/layout.js';
import { Markdown } from '../../ui/markdown.js';
import { Empty, Loaded } from '../../ui/states.js';
import { Status } from '../../ui/status.js';

function GateRow({ gate }: { readonly gate: GateResult }): ReactNode {
  return (
    <tr>
      <td className="rd-nowrap">
        <span className="rd-strong">{gate.gate}</span>
        <div className="rd-muted">{severityWord(gate.severity)}</div>
      </td>
      <td>
        <Status of={verdictOf(gate.verdict)} />
        {gate.needsRows > 0n && (
          <div className="rd-muted">
            needs {formatCount(gate.needsRows)} rows
            {gate.needsSlice !== '' && gate.needsSlice !== 'all' && <> of {gate.needsSlice}</>}
          </div>
        )}
        {gate.alphaLook && (
          <div className="rd-muted">
            look {formatCount(gate.alphaLook.look)} of the pipeline&rsquo;s life, at{' '}
            {formatPercent(gate.alphaLook.level, 4)} of {formatPercent(gate.alphaLook.lifetimeAlpha)};{' '}
            {formatPercent(gate.alphaLook.remaining, 2)} left
          </div>
        )}
      </td>
      <td className="rd-words">
        {gate.explanation}
        {gate.expression !== '' && !gate.explanation.includes(gate.expression) && (
          <div className="rd-muted">
            <code>{gate.expression}</code>
            {gate.valuesJson !== '' && <> with {valueTexts(gate.valuesJson).join(' · ')}</>}
          </div>
        )}
      </td>
      <td>
        {gate.difference === undefined ? <span className="rd-muted">–</span> : <Estimate of={gate.difference} signed />}
      </td>
      <td>{gate.champion === undefined ? <span className="rd-muted">–</span> : <Estimate of={gate.champion} />}</td>
      <td>{gate.challenger === undefined ? <span className="rd-muted">–</span> : <Estimate of={gate.challenger} />}</td>
    </tr>
  );
}

const ends = (metric: string): readonly [string, string] =>
  metricDirection(metric) === 'higher' ? ['worse', 'better'] : ['better', 'worse'];

const isGap = (metric: string): boolean => metric.endsWith('Gap');

/** One forest per metric and opponent: differences of different metrics, or to a baseline, share no scale. */
function GateForests({ gates }: { readonly gates: readonly GateResult[] }): ReactNode {
  const groups = Map.groupBy(
    gates.filter((gate) => gate.difference !== undefined),
    (gate) => `${gate.difference!.name}/${gate.champion === undefined ? 'baseline' : 'champion'}`,
  );
  return [...groups].map(([key, members]) => {
    const [metric = '', opponent = ''] = key.split('/');
    const rows = members.map((gate): ForestRow => {
      const d = gate.difference!;
      return {
        name: gate.gate,
        value: d.value,
        n: Number(d.n),
        status: verdictOf(gate.verdict),
        ...(d.lower !== undefined && { lower: d.lower }),
        ...(d.upper !== undefined && { upper: d.upper }),
        ...(d.limit !== undefined && { margin: d.limit }),
      };
    });
    const passed = members.filter((gate) => gate.verdict === Verdict.PASS).length;
    return (
      <Forest
        key={key}
        title={
          isGap(metric)
            ? `Between groups: ${metricTitle(metric)}`
            : `Challenger minus ${opponent}, ${metricTitle(metric)}`
        }
        summary={`${String(passed)} of ${String(members.length)} passed. Circle: pass, diamond: fail, open square: not proven; dashes: margin.`}
        rows={rows}
        ends={ends(metric)}
      />
    );
  });
}

function SliceForest({ slices }: { readonly slices: ReportSlices }): ReactNode {
  const { against, tested, harmed, suspect } = slices;
  const searched = `${formatCount(tested)} slices searched`;
  if (harmed.length === 0)
    return (
      <div>
        <h3>Slices</h3>
        <p>
          {searched}; none is shown to be worse.
          {suspect && ` Most suspicious, not proven: ${suspect.cohort} (n = ${formatCount(suspect.n)}).`}
        </p>
      </div>
    );
  return (
    <Forest
      title={`Worst slices: challenger minus ${against}, log loss`}
      summary={`${searched}; these are worse, strongest evidence first, overlapping ones left out.`}
      rows={harmed.map((slice) => row(slice.cohort, slice.n, slice.difference))}
      ends={['better', 'worse']}
    />
  );
}

function rateText(of: ReportEstimate | undefined): string {
  if (of === undefined) return '–';
  return `${formatNumber(of.value)} (${boundsText(of)})`;
}

const boundsText = ({ lower, upper }: ReportEstimate): string =>
  lower === undefined || upper === undefined ? 'no interval' : `${formatNumber(lower)} to ${formatNumber(upper)}`;

function GroupRates({ groups }: { readonly groups: readonly ReportGroup[] }): ReactNode {
  return (
    <Table caption="Groups" head={['Gate', 'Group', 'Decided 1', 'True positive rate', 'False positive rate', 'Rows']}>
      {groups.map((one) => (
        <tr key={`${one.gate}/${one.group}`}>
          <td>{one.gate}</td>
          <td>{one.group}</td>
          <td>{rateText(one.selected)}</td>
          <td>{rateText(one.truePositive)}</td>
          <td>{rateText(one.falsePositive)}</td>
          <td>{formatCount(one.n)}</td>
        </tr>
      ))}
    </Table>
  );
}

const row = (name: string, n: number, d: ReportEstimate): ForestRow => ({
  name,
  value: d.value,
  n,
  ...(d.lower !== undefined && { lower: d.lower }),
  ...(d.upper !== undefined && { upper: d.upper }),
});

function ReportParts({ report }: { readonly report: Report }): ReactNode {
  if (
    [report.cohorts, report.groups, report.calibration, report.backtest, report.latency].every(
      (part) => part.length === 0,
    )
  )
    return <Empty title="The report has no part that this page can draw." />;
  return (
    <div className="rd-grid" data-wide="true">
      {report.clusters && (
        <p>
          Intervals are over {formatCount(report.clusters.count)} clusters by {report.clusters.by}, whose rows err
          together.
        </p>
      )}
      <Calibration bins={report.calibration} />
      <Forest
        title="Cohorts: challenger minus champion, log loss"
        summary={`${String(report.cohorts.length)} cohorts, in the report's order.`}
        rows={report.cohorts.slice(0, 40).map((c) => row(c.cohort, c.n, c.difference))}
        ends={['better', 'worse']}
      />
      {report.slices && <SliceForest slices={report.slices} />}
      {report.groups.length > 0 && <GroupRates groups={report.groups} />}
      <Forest
        title="Backtest: challenger minus champion, log loss"
        summary={`Better in ${String(report.backtest.filter((s) => s.difference.value < 0).length)} of ${String(report.backtest.length)} windows.${report.backtestMean === undefined ? '' : ` Mean over such windows ${formatNumber(report.backtestMean.value)} (${boundsText(report.backtestMean)}).`}`}
        rows={report.backtest.map((s) => row(s.name, s.n, s.difference))}
        ends={['better', 'worse']}
      />
      {report.latency.length > 0 && (
        <div>
          <h3>Serving</h3>
          <Facts items={report.latency.map(({ name, value }) => [metricTitle(name), value] as const)} />
        </div>
      )}
    </div>
  );
}

function ReportCard({ digest }: { readonly digest: string }): ReactNode {
  const query = useQuery({ ...reads.artifact(digest), enabled: digest !== '' });
  return (
    <Card title="Report" actions={<Digest value={digest} label="Copy report digest" />}>
      {digest === '' ? (
        <Empty title="No report yet." />
      ) : (
        <Loaded query={query}>{({ content }) => <ReportParts report={parseReport(content)} />}</Loaded>
      )}
    </Card>
  );
}

function ModelCard({ digest }: { readonly digest: string }): ReactNode {
  const query = useQuery({ ...reads.artifact(digest), enabled: digest !== '' });
  if (digest === '') return null;
  return (
    <Card title="Model card" actions={<Digest value={digest} label="Copy model card digest" />}>
      <Loaded query={query}>{({ content }) => <Markdown text={new TextDecoder().decode(content)} />}</Loaded>
    </Card>
  );
}

/** What the challenger had to show, and what it showed. */
export function EvaluationTab({ cycle }: { readonly cycle: Cycle }): ReactNode {
  if (cycle.gates.length === 0 && cycle.reportDigest === '')
    return (
      <Card title="Gates">
        <Empty title="The challenger has not been evaluated yet." />
      </Card>
    );
  return (
    <div className="rd-page">
      <Card title="Gates" note={<Status of={verdictOf(cycle.evaluationVerdict)} />} flush>
        <Table caption="Gates" head={['Gate', 'Verdict', 'Why', 'Difference', 'Champion', 'Challenger']}>
          {cycle.gates.map((gate) => (
            <GateRow key={gate.gate} gate={gate} />
          ))}
        </Table>
      </Card>
      {cycle.gates.some((gate) => gate.difference !== undefined) && (
        <Card title="Differences">
          <div className="rd-grid" data-wide="true">
            <GateForests gates={cycle.gates} />
          </div>
        </Card>
      )}
      <ReportCard digest={cycle.reportDigest} />
      <ModelCard digest={cycle.modelCardDigest} />
    </div>
  );
}
