import { Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { Cycle, DecisionMade, Estimate as EstimateMessage, Pipeline } from '@rondo/contracts';
import { lazy, Suspense, type ReactNode } from 'react';
import { reads } from '../api/queries.js';
import { formatCount, valueTexts } from '../model/format.js';
import { fateOf, spaced, statusOf } from '../model/words.js';
import { Estimate } from '../ui/estimate.js';
import { Card, Facts, Page, Table } from '../ui/layout.js';
import { CycleLink, Model } from '../ui/links.js';
import { Empty, Loaded, Loading, PartBoundary } from '../ui/states.js';
import { Status } from '../ui/status.js';
import { Ago, At } from '../ui/time.js';
import { PipelineActions } from './pipeline/actions.js';
import { Scheduled } from './pipeline/scheduled.js';
import { isBudgetSpent, readiness } from './pipelines.js';

const route = getRouteApi('/pipelines/$pipeline');
const Health = lazy(async () => ({ default: (await import('./pipeline/health.js')).Health }));
const DocumentTab = lazy(async () => ({ default: (await import('./pipeline/document.js')).DocumentTab }));
const ModelsTab = lazy(async () => ({ default: (await import('./pipeline/models.js')).ModelsTab }));

function MayItStart({ pipeline }: { readonly pipeline: Pipeline }): ReactNode {
  const budget =
    pipeline.cyclesMax > 0
      ? `${String(pipeline.cyclesInBudgetWindow)} of ${String(pipeline.cyclesMax)} cycles used`
      : 'no limit';
  return (
    <Card title="May a cycle start by itself?">
      <div className="rd-why">
        <p className="rd-row">
          <Status of={readiness(pipeline)} size="lg" />
        </p>
        {pipeline.suspended && <p>No: its document says suspend. Not by hand either.</p>}
        {pipeline.held && (
          <p>
            Held: {pipeline.holdReason}
            {pipeline.heldUntil !== undefined && (
              <>
                {' '}
                Until <At at={pipeline.heldUntil} />.
              </>
            )}
          </p>
        )}
        {pipeline.coolingDownUntil !== undefined && (
          <p>
            No, until <At at={pipeline.coolingDownUntil} /> (policy time): cooling down after{' '}
            {spaced(pipeline.coolingDownAfter) || 'the last cycle'}. A cycle by hand may start.
          </p>
        )}
        {pipeline.activeCycleId !== '' && <p>Not while a cycle runs: what arrives now joins the next decision.</p>}
        {isBudgetSpent(pipeline) && (
          <p>No: the budget of cycles is used up, until the oldest leaves its window. Not by hand either.</p>
        )}
        {readiness(pipeline).tone === 'good' && <p>Yes, as soon as a trigger is met.</p>}
        <Scheduled pipeline={pipeline} />
      </div>
      <Facts
        items={[
          ['Policy time', <At key="t" at={pipeline.policyTime} />],
          ['Budget', budget],
          ['Policy generation', String(pipeline.generation)],
        ]}
      />
    </Card>
  );
}

const METRICS_AT_ONCE = 4;

function Metrics({ of }: { readonly of: readonly EstimateMessage[] }): ReactNode {
  return (
    <div className="rd-stack">
      {of.map((metric) => (
        <Estimate key={metric.name} of={metric} withName />
      ))}
    </div>
  );
}

function Champion({ pipeline }: { readonly pipeline: Pipeline }): ReactNode {
  const models = useQuery(reads.models(pipeline.name));
  const version = models.data?.models.find((m) => m.model?.version === pipeline.champion?.version);
  const metrics = version?.metrics ?? [];
  if (pipeline.champion === undefined) {
    return (
      <Card title="Champion">
        <Empty title="No champion yet.">
          The first cycle that is promoted brings one; until then the endpoint <code>{pipeline.endpoint}</code> answers
          nothing.
        </Empty>
      </Card>
    );
  }
  return (
    <Card
      title="Champion"
      note={
        <>
          serving <code>{pipeline.endpoint}</code>
        </>
      }
    >
      <p className="rd-big rd-strong">
        <Model of={pipeline.champion} />
      </p>
      <p className="rd-muted">
        since <At at={pipeline.championSince} />
      </p>
      <Metrics of={metrics.slice(0, METRICS_AT_ONCE)} />
      {metrics.length > METRICS_AT_ONCE && (
        <details>
          <summary>{metrics.length - METRICS_AT_ONCE} more of its sealed test</summary>
          <Metrics of={metrics.slice(METRICS_AT_ONCE)} />
        </details>
      )}
    </Card>
  );
}

function CycleRow({ cycle }: { readonly cycle: Cycle }): ReactNode {
  return (
    <tr>
      <td className="rd-nowrap">
        <CycleLink pipeline={cycle.pipeline} number={cycle.number} />
      </td>
      <td>
        <Status of={statusOf(cycle.result || cycle.phase)} />
      </td>
      <td className="rd-nowrap">{cycle.trigger}</td>
      <td className="rd-words">{cycle.result === '' ? cycle.next : cycle.reason}</td>
      <td>
        <Model of={cycle.challenger} />
      </td>
      <td className="rd-nowrap">
        <At at={cycle.eventTime} />
      </td>
    </tr>
  );
}

function DecisionRow({ decision }: { readonly decision: DecisionMade }): ReactNode {
  return (
    <tr>
      <td>
        <Status of={fateOf(decision.verdict, decision.reason)} />
      </td>
      <td className="rd-words">
        {decision.explanation || spaced(decision.reason)}
        {decision.triggers.length > 0 && (
          <details>
            <summary>{decision.triggers.length === 1 ? 'The rule' : 'The rules'}</summary>
            {decision.triggers.map((trigger) => (
              <div key={trigger.trigger} className="rd-muted">
                {trigger.trigger}: <code>{trigger.expression}</code> is {trigger.result}
                {trigger.valuesJson !== '' && <> with {valueTexts(trigger.valuesJson).join(' · ')}</>}
              </div>
            ))}
          </details>
        )}
      </td>
      <td className="rd-nowrap">
        <At at={decision.eventTime} />
      </td>
      <td className="rd-nowrap">
        <Ago at={decision.decidedAt} />
      </td>
    </tr>
  );
}

function Overview({ pipeline }: { readonly pipeline: Pipeline }): ReactNode {
  const cycles = useQuery(reads.cycles(pipeline.name));
  const decisions = useQuery(reads.decisions(pipeline.name));
  return (
    <div className="rd-page">
      <div className="rd-grid">
        <Champion pipeline={pipeline} />
        <MayItStart pipeline={pipeline} />
      </div>
      <Card title="Cycles" note="newest first" flush>
        <Loaded query={cycles}>
          {(data) =>
            data.cycles.length === 0 ? (
              <Empty title="No cycle yet.">The decisions below say what is missing.</Empty>
            ) : (
              <Table
                caption="Cycles"
                head={['Cycle', 'State', 'Trigger', 'Why it ended, or what it waits for', 'Challenger', 'Policy time']}
              >
                {data.cycles.map((cycle) => (
                  <CycleRow key={cycle.cycleId} cycle={cycle} />
                ))}
              </Table>
            )
          }
        </Loaded>
      </Card>
      <PartBoundary name="Drift and performance">
        <Suspense fallback={<Loading lines={6} />}>
          <Health pipeline={pipeline.name} />
        </Suspense>
      </PartBoundary>
      <Card
        title="Decisions"
        note="each event's fate, also when nothing was started"
        actions={
          <Link to="/pipelines/$pipeline/events" params={{ pipeline: pipeline.name }}>
            Event ledger
          </Link>
        }
        flush
      >
        <Loaded query={decisions}>
          {(data) =>
            data.decisions.length === 0 ? (
              <Empty title="Nothing has been decided yet.">
                The first batch that is ready leads to the first decision.
              </Empty>
            ) : (
              <Table caption="Decisions" head={['Verdict', 'Why', 'Policy time', 'Decided']}>
                {data.decisions.map((decision) => (
                  <DecisionRow key={decision.decisionId} decision={decision} />
                ))}
              </Table>
            )
          }
        </Loaded>
      </Card>
    </div>
  );
}

function PipelineView({ pipeline }: { readonly pipeline: Pipeline }): ReactNode {
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title={
        <>
          {pipeline.name} <Status of={readiness(pipeline)} size="lg" />
        </>
      }
      documentTitle={pipeline.name}
      above={<Link to="/pipelines">Pipelines</Link>}
      lead={
        <>
          Endpoint <code>{pipeline.endpoint}</code>
          {pipeline.owners.length > 0 && <> · owned by {pipeline.owners.join(', ')}</>} ·{' '}
          {formatCount(pipeline.generation)} {pipeline.generation === 1n ? 'generation' : 'generations'} of its document
        </>
      }
      actions={<PipelineActions pipeline={pipeline} />}
    >
      <Tabs
        value={tab ?? 'overview'}
        onChange={(next) =>
          void navigate({ search: next === 'document' || next === 'models' ? { tab: next } : {}, replace: true })
        }
        className="rd-tabs-scroll"
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="overview">Overview</Tabs.Tab>
          <Tabs.Tab value="models">Models and champions</Tabs.Tab>
          <Tabs.Tab value="document">Document</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="overview">
          <Overview pipeline={pipeline} />
        </Tabs.Panel>
        <Tabs.Panel value="models">
          <Suspense fallback={<Loading />}>
            <ModelsTab pipeline={pipeline.name} />
          </Suspense>
        </Tabs.Panel>
        <Tabs.Panel value="document">
          <Suspense fallback={<Loading />}>
            <DocumentTab pipeline={pipeline} />
          </Suspense>
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

/** One pipeline: what serves, whether a cycle may start, what happened. */
export function PipelinePage(): ReactNode {
  const { pipeline } = route.useParams();
  const query = useQuery(reads.pipeline(pipeline));
  return (
    <Loaded query={query} lines={8}>
      {(data) => <PipelineView pipeline={data} />}
    </Loaded>
  );
}
