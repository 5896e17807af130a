import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Approval, Batch, Cycle, DecisionMade, LabelCampaign, Pipeline } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../api/queries.js';
import { PhaseStrip } from '../charts/phase-timeline.js';
import { formatCount, toMs } from '../model/format.js';
import { fateOf, PHASES, statusOf, type StatusWord } from '../model/words.js';
import { Card, Page } from '../ui/layout.js';
import { CycleLink, PipelineLink } from '../ui/links.js';
import { Empty, Loading, PartBoundary, ProblemNote } from '../ui/states.js';
import { Status } from '../ui/status.js';
import { Ago, At } from '../ui/time.js';
import { problemOf } from '../api/errors.js';
import { IncidentItem } from './inbox-incident.js';

interface Need {
  readonly key: string;
  readonly status: StatusWord;
  readonly words: ReactNode;
  readonly why: ReactNode;
  readonly end: ReactNode;
}

function approvalNeed(approval: Approval): Need {
  const missing = approval.votesNeeded - approval.votes.filter((vote) => vote.approve).length;
  return {
    key: approval.approvalId,
    status: { tone: 'wait', word: 'approval' },
    words: (
      <>
        <PipelineLink pipeline={approval.pipeline} />{' '}
        <CycleLink pipeline={approval.pipeline} number={approval.cycleNumber} tab="approval" /> needs {missing} more{' '}
        {missing === 1 ? 'vote' : 'votes'}
      </>
    ),
    why: approval.reason,
    end: (
      <>
        expires <Ago at={approval.expiresAt} />
      </>
    ),
  };
}

function campaignNeed(campaign: LabelCampaign): Need {
  const left = campaign.tasks - campaign.answered - campaign.skipped;
  return {
    key: campaign.campaignId,
    status: { tone: 'wait', word: 'labels' },
    words: (
      <>
        <PipelineLink pipeline={campaign.pipeline} />{' '}
        <Link to="/label/$campaign" params={{ campaign: campaign.campaignId }}>
          {formatCount(left)} of {formatCount(campaign.tasks)} rows to label
        </Link>
      </>
    ),
    why: campaign.question,
    end: (
      <>
        due <Ago at={campaign.dueAt} />
      </>
    ),
  };
}

function batchNeed(batch: Batch): Need {
  return {
    key: batch.batchId,
    status: { tone: 'warn', word: 'quarantined' },
    words: (
      <>
        <PipelineLink pipeline={batch.pipeline} />{' '}
        <Link to="/pipelines/$pipeline/events" params={{ pipeline: batch.pipeline }} search={{ fate: 'Quarantined' }}>
          release or reject {batch.uri.split('/').at(-1)}
        </Link>{' '}
        ({formatCount(batch.rows)} rows)
      </>
    ),
    why: batch.findings.map((finding) => finding.message).join('; '),
    end: (
      <>
        data up to <At at={batch.dataInterval?.end} />
      </>
    ),
  };
}

function failedNeed(cycle: Cycle): Need {
  return {
    key: cycle.cycleId,
    status: statusOf(cycle.result || 'Failed'),
    words: (
      <>
        <PipelineLink pipeline={cycle.pipeline} /> <CycleLink pipeline={cycle.pipeline} number={cycle.number} /> failed
        {cycle.failedStep !== '' && <> in the step {cycle.failedStep}</>}
      </>
    ),
    why: cycle.reason,
    end: <Ago at={cycle.finishedAt ?? cycle.startedAt} />,
  };
}

function NeedItem({ need }: { readonly need: Need }): ReactNode {
  return (
    <li>
      <Status of={need.status} />
      <div className="rd-item-words">
        <div>{need.words}</div>
        <div className="rd-muted">{need.why}</div>
      </div>
      <span className="rd-item-end">{need.end}</span>
    </li>
  );
}

function useCyclesOf(pipelines: readonly Pipeline[]): readonly Cycle[] {
  const results = useQueries({ queries: pipelines.map((pipeline) => reads.cycles(pipeline.name, 10)) });
  return results.flatMap((result) => result.data?.cycles ?? []);
}

function NeedsYou({ cycles }: { readonly cycles: readonly Cycle[] }): ReactNode {
  const approvals = useQuery(reads.approvals('', 'Open'));
  const campaigns = useQuery(reads.campaigns());
  const batches = useQuery(reads.quarantined());
  const incidents = useQuery(reads.incidents());
  const parts = [approvals, campaigns, batches, incidents];
  const failed = parts.find((part) => part.isError && part.data === undefined);
  const open = (incidents.data?.incidents ?? []).filter((incident) => incident.closedAt === undefined);
  const latestFailed = cycles.filter(
    (cycle) =>
      cycle.failedStep !== '' &&
      cycle.result === 'Failed' &&
      !cycles.some((c) => c.pipeline === cycle.pipeline && c.number > cycle.number),
  );
  const needs = [
    ...(approvals.data?.approvals ?? []).map(approvalNeed),
    ...(batches.data?.batches ?? []).map(batchNeed),
    ...latestFailed.map(failedNeed),
    ...(campaigns.data?.campaigns ?? []).filter((c) => c.state === 'Open').map(campaignNeed),
  ];
  const loading = parts.some((part) => part.isPending);
  return (
    <Card title="Needs you" note={loading ? undefined : String(needs.length + open.length)} flush>
      {failed !== undefined && <ProblemNote problem={problemOf(failed.error)} retry={() => void failed.refetch()} />}
      {loading && needs.length === 0 && <Loading />}
      {!loading && needs.length + open.length === 0 && (
        <Empty title="Nothing needs you.">
          Approvals, quarantined batches, label campaigns, incidents and failed cycles appear here.
        </Empty>
      )}
      <ul className="rd-items">
        {needs.map((need) => (
          <NeedItem key={need.key} need={need} />
        ))}
        {open.map((incident) => (
          <IncidentItem key={incident.incidentId} incident={incident} />
        ))}
      </ul>
    </Card>
  );
}

function Running({ cycles, loading }: { readonly cycles: readonly Cycle[]; readonly loading: boolean }): ReactNode {
  const running = cycles.filter((cycle) => cycle.result === '');
  return (
    <Card title="Running cycles" flush>
      {loading && running.length === 0 && <Loading />}
      {!loading && running.length === 0 && (
        <Empty title="No cycle is running.">The last decisions below say why.</Empty>
      )}
      <ul className="rd-items">
        {running.map((cycle) => (
          <li key={cycle.cycleId}>
            <div className="rd-item-words">
              <div className="rd-row">
                <span>
                  <PipelineLink pipeline={cycle.pipeline} />{' '}
                  <CycleLink pipeline={cycle.pipeline} number={cycle.number} />
                </span>
                <Status of={statusOf(cycle.phase)} />
              </div>
              <div className="rd-muted">{cycle.next}</div>
            </div>
            <PhaseStrip phases={PHASES} current={cycle.phase} ended={false} />
            <span className="rd-item-end">
              started <Ago at={cycle.startedAt} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function DecisionItem({
  decision,
  cycles,
}: {
  readonly decision: DecisionMade;
  readonly cycles: readonly Cycle[];
}): ReactNode {
  const cycle = cycles.find((c) => c.cycleId === decision.cycleId);
  return (
    <li>
      <Status of={fateOf(decision.verdict, decision.reason)} />
      <div className="rd-item-words">
        <div>
          <PipelineLink pipeline={decision.pipeline} />{' '}
          {cycle !== undefined && <CycleLink pipeline={cycle.pipeline} number={cycle.number} />}
        </div>
        <div className="rd-muted">{decision.explanation || decision.reason}</div>
      </div>
      <span className="rd-item-end">
        <At at={decision.eventTime} />
      </span>
    </li>
  );
}

function LastDecisions({
  pipelines,
  cycles,
}: {
  readonly pipelines: readonly Pipeline[];
  readonly cycles: readonly Cycle[];
}): ReactNode {
  const results = useQueries({ queries: pipelines.map((pipeline) => reads.decisions(pipeline.name, 5)) });
  const decisions = results
    .flatMap((result) => result.data?.decisions ?? [])
    .toSorted((a, b) => (toMs(b.decidedAt) ?? 0) - (toMs(a.decidedAt) ?? 0))
    .slice(0, 8);
  return (
    <Card title="Last decisions" note="also those not to act" flush>
      {decisions.length === 0 && (
        <Empty title="No decision yet.">The first one follows the first batch that is ready.</Empty>
      )}
      <ul className="rd-items">
        {decisions.map((decision) => (
          <DecisionItem key={decision.decisionId} decision={decision} cycles={cycles} />
        ))}
      </ul>
    </Card>
  );
}

/** What waits for a person, what runs, what was decided. */
export function InboxPage(): ReactNode {
  const pipelines = useQuery(reads.pipelines());
  const list = pipelines.data?.pipelines ?? [];
  const cycles = useCyclesOf(list);
  return (
    <Page
      title="Inbox"
      documentTitle="Inbox"
      lead="What waits for a person, what runs by itself, and what was decided."
    >
      {pipelines.isError && <ProblemNote problem={problemOf(pipelines.error)} retry={() => void pipelines.refetch()} />}
      <PartBoundary name="Needs you">
        <NeedsYou cycles={cycles} />
      </PartBoundary>
      <PartBoundary name="Running cycles">
        <Running cycles={cycles} loading={pipelines.isPending} />
      </PartBoundary>
      <PartBoundary name="Last decisions">
        <LastDecisions pipelines={list} cycles={cycles} />
      </PartBoundary>
    </Page>
  );
}
