import { Tabs } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { Cycle } from '@rondo/contracts';
import { lazy, Suspense, type ComponentType, type ReactNode } from 'react';
import { reads } from '../api/queries.js';
import { CYCLE_TABS, type CycleTab } from '../app/router.js';
import { PhaseStrip } from '../charts/phase-timeline.js';
import { PHASES, statusOf } from '../model/words.js';
import { Digest } from '../ui/copy.js';
import { Page } from '../ui/layout.js';
import { Loaded, Loading, PartBoundary } from '../ui/states.js';
import { Status } from '../ui/status.js';
import { Ago, At } from '../ui/time.js';
import { CycleActions } from './cycle/actions.js';
import { WhyNowNext } from './cycle/why-now-next.js';

const route = getRouteApi('/pipelines/$pipeline/cycles/$number');

type TabComponent = ComponentType<{ readonly cycle: Cycle }>;
const part = (load: () => Promise<TabComponent>) => lazy(async () => ({ default: await load() }));

const TABS: Record<CycleTab, readonly [string, TabComponent]> = {
  timeline: ['Timeline', part(async () => (await import('./cycle/timeline.js')).TimelineTab)],
  data: ['Data and drift', part(async () => (await import('./cycle/data.js')).DataTab)],
  labels: ['Labels', part(async () => (await import('./cycle/labels.js')).LabelsTab)],
  training: ['Training', part(async () => (await import('./cycle/training.js')).TrainingTab)],
  evaluation: ['Evaluation', part(async () => (await import('./cycle/evaluation.js')).EvaluationTab)],
  approval: ['Approval', part(async () => (await import('./cycle/approval.js')).ApprovalTab)],
  rollout: ['Rollout', part(async () => (await import('./cycle/rollout.js')).RolloutTab)],
  audit: ['Audit', part(async () => (await import('./cycle/audit.js')).AuditTab)],
};

/** The tab that answers most people's question in the present phase. */
function usualTab(cycle: Cycle): CycleTab {
  if (cycle.phase === 'AwaitingApproval') return 'approval';
  if (cycle.phase === 'RollingOut' || cycle.result === 'RolledBack') return 'rollout';
  if (cycle.phase === 'Labeling') return 'labels';
  return 'timeline';
}

function Lead({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const reached =
    cycle.phase === 'Finished' ? (cycle.phases.findLast((p) => p.phase !== 'Finished')?.phase ?? '') : cycle.phase;
  return (
    <div className="rd-row">
      <PhaseStrip phases={PHASES} current={reached} ended={cycle.result !== ''} />
      <span>
        started <Ago at={cycle.startedAt} />
        {cycle.finishedAt !== undefined && (
          <>
            , ended <Ago at={cycle.finishedAt} />
          </>
        )}
      </span>
      <span>
        policy time <At at={cycle.eventTime} />
      </span>
      <span>generation {String(cycle.policyGeneration)}</span>
      <Digest value={cycle.cycleId} label="Copy cycle id" />
    </div>
  );
}

function CycleView({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const tab = search.tab ?? usualTab(cycle);
  const { pipeline } = cycle;
  return (
    <Page
      title={
        <>
          Cycle {cycle.number} <Status of={statusOf(cycle.result || cycle.phase)} size="lg" />
        </>
      }
      documentTitle={`Cycle ${String(cycle.number)} of ${pipeline}`}
      above={
        <>
          <Link to="/pipelines">Pipelines</Link> /{' '}
          <Link to="/pipelines/$pipeline" params={{ pipeline }}>
            {pipeline}
          </Link>
        </>
      }
      lead={<Lead cycle={cycle} />}
      actions={<CycleActions cycle={cycle} />}
    >
      <WhyNowNext cycle={cycle} />
      <Tabs
        value={tab}
        onChange={(next) => {
          const known = CYCLE_TABS.find((name) => name === next);
          if (known !== undefined) void navigate({ search: { tab: known }, replace: true });
        }}
        className="rd-tabs-scroll"
      >
        <Tabs.List mb="md" aria-label="Parts of the cycle">
          {CYCLE_TABS.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {TABS[name][0]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {CYCLE_TABS.map((name) => {
          const Tab = TABS[name][1];
          return (
            <Tabs.Panel key={name} value={name}>
              <PartBoundary name={TABS[name][0]}>
                <Suspense fallback={<Loading lines={6} />}>
                  <Tab cycle={cycle} />
                </Suspense>
              </PartBoundary>
            </Tabs.Panel>
          );
        })}
      </Tabs>
    </Page>
  );
}

/** One cycle: why it started, where it is, what comes next, and the evidence of every phase. */
export function CyclePage(): ReactNode {
  const { pipeline, number } = route.useParams();
  const query = useQuery(reads.cycle(pipeline, Number(number) || 0));
  return (
    <Loaded query={query} lines={8}>
      {(cycle) => <CycleView cycle={cycle} />}
    </Loaded>
  );
}
