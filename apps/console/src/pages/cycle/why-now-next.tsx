import { Link } from '@tanstack/react-router';
import type { CheckOutcome, Cycle, TriggerOutcome } from '@rondo/contracts';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { reads } from '../../api/queries.js';
import { formatCount, valueTexts } from '../../model/format.js';
import { spaced, statusOf } from '../../model/words.js';
import { Icon } from '../../ui/icons.js';
import { Card } from '../../ui/layout.js';
import { Status } from '../../ui/status.js';
import { Ago } from '../../ui/time.js';

function Trigger({ trigger }: { readonly trigger: TriggerOutcome }): ReactNode {
  const met = trigger.result === 'true';
  return (
    <li data-passed={met}>
      <Icon name={met ? 'check' : 'minus'} size={13} />
      <div>
        {trigger.trigger} <code>{trigger.expression}</code> is {trigger.result}
        {trigger.needed > 1 && (
          <>
            {' '}
            ({trigger.breaches} of {trigger.needed} breaches in {trigger.window})
          </>
        )}
        {trigger.valuesJson !== '' && <div className="rd-muted">{valueTexts(trigger.valuesJson).join(' · ')}</div>}
      </div>
    </li>
  );
}

/** The triggers above say what these found. */
const ABOUT_TRIGGERS = ['NoTrigger', 'NotBreached', 'NotBreachedLongEnough'];
const saysMore = ({ check, passed }: CheckOutcome): boolean => !passed || !ABOUT_TRIGGERS.includes(check);

function Check({ check }: { readonly check: CheckOutcome }): ReactNode {
  return (
    <li data-passed={check.passed}>
      <Icon name={check.passed ? 'check' : 'cross'} size={13} />
      <div>
        <span className="rd-sr">{check.passed ? 'passed: ' : 'failed: '}</span>
        {spaced(check.check)}: <span className="rd-muted">{check.detail}</span>
      </div>
    </li>
  );
}

function Why({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const decision = cycle.decision;
  const causes = cycle.causeEventIds.length;
  return (
    <Card title="Why it started">
      <p className="rd-big">{decision?.explanation || `Trigger ${cycle.trigger}.`}</p>
      <p className="rd-muted">
        Decided by {decision?.actor?.id ?? 'the policy'} from{' '}
        <Link to="/pipelines/$pipeline/events" params={{ pipeline: cycle.pipeline }}>
          {causes === 1 ? 'one event' : `${String(causes)} events`}
        </Link>
        {cycle.mergedEventIds.length > 0 && <>; {cycle.mergedEventIds.length} more merged into it</>}
      </p>
      {decision !== undefined && (
        <details>
          <summary>The rule and the values it read</summary>
          <ul className="rd-checks">
            {decision.triggers.map((trigger) => (
              <Trigger key={trigger.trigger} trigger={trigger} />
            ))}
            {decision.checks.filter(saysMore).map((check) => (
              <Check key={check.check} check={check} />
            ))}
          </ul>
        </details>
      )}
    </Card>
  );
}

/** What the present phase has reached, in numbers. */
function Progress({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const rollingOut = cycle.phase === 'RollingOut' && cycle.rolloutId !== '';
  const rollout = useQuery({ ...reads.rollout(cycle.pipeline, cycle.cycleId), enabled: rollingOut }).data;
  const campaigns = useQuery({ ...reads.campaigns(cycle.pipeline), enabled: cycle.phase === 'Labeling' }).data
    ?.campaigns;
  const approval = useQuery({
    ...reads.approval(cycle.approvalId),
    enabled: cycle.phase === 'AwaitingApproval' && cycle.approvalId !== '',
  }).data;
  const campaign = cycle.phase === 'Labeling' && campaigns?.find((c) => c.campaignId === cycle.campaignId);
  const training = cycle.candidates.filter((candidate) => candidate.state === 'Training');
  return (
    <>
      {rollingOut && rollout !== undefined && (
        <p className="rd-big">
          {rollout.steps[rollout.stepIndex]?.name}: the challenger gets {rollout.weightPercent} % of the traffic;{' '}
          {formatCount(rollout.labels)} of {formatCount(rollout.predictions)} predictions have labels.
        </p>
      )}
      {campaign && (
        <p className="rd-big">
          {formatCount(campaign.answered)} of {formatCount(campaign.tasks)} rows answered.
        </p>
      )}
      {cycle.phase === 'AwaitingApproval' && approval !== undefined && (
        <p className="rd-big">
          {approval.votes.filter((vote) => vote.approve).length} of {approval.votesNeeded} approvals given.
        </p>
      )}
      {training.map((candidate) => (
        <p key={candidate.name}>
          {candidate.name}: {candidate.stage} {Math.round(candidate.progress * 100)} %
        </p>
      ))}
    </>
  );
}

function Now({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const entered = cycle.phases.at(-1)?.enteredAt;
  return (
    <Card title={cycle.result === '' ? 'Now' : 'How it ended'} tone={cycle.result === '' ? 'accent' : 'plain'}>
      <p>
        <Status of={statusOf(cycle.result || cycle.phase)} size="lg" />
      </p>
      {cycle.reason !== '' && <p className="rd-big">{cycle.reason}</p>}
      {cycle.result === '' && entered !== undefined && (
        <p className="rd-muted">
          in this phase since <Ago at={entered} />
        </p>
      )}
      {cycle.result === '' && <Progress cycle={cycle} />}
    </Card>
  );
}

function OpenIncident({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const incidents = useQuery(reads.incidents(cycle.pipeline)).data?.incidents ?? [];
  const incident = incidents.find((one) => one.cycleId === cycle.cycleId);
  if (incident === undefined) return null;
  return (
    <p>
      {incident.closedAt === undefined ? (
        <>
          An incident is open: <Link to="/">close it with a postmortem</Link>.
        </>
      ) : (
        <>
          The incident was closed: {incident.postmortem}
          {incident.actionItems.length > 0 && <> To do: {incident.actionItems.join('; ')}.</>}
        </>
      )}
    </p>
  );
}

/** The three answers first, the evidence below. */
export function WhyNowNext({ cycle }: { readonly cycle: Cycle }): ReactNode {
  return (
    <div className="rd-grid">
      <Why cycle={cycle} />
      <Now cycle={cycle} />
      <Card title="Next">
        <p className={cycle.result === '' ? 'rd-big' : undefined}>
          {cycle.next ||
            (cycle.result === '' ? 'The server has not said what comes next.' : 'Nothing: the cycle has ended.')}
        </p>
        {cycle.result === 'RolledBack' && <OpenIncident cycle={cycle} />}
      </Card>
    </div>
  );
}
