import { Drawer } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { LabelCampaign, LabelClass, LabelTask } from '@rondo/contracts';
import { useEffect, useState, type ReactNode } from 'react';
import { tinykeys } from 'tinykeys';
import { reads } from '../api/queries.js';
import { useKeys } from '../app/shortcuts.js';
import { useMay } from '../app/who.js';
import { formatCount, formatDuration, toMs } from '../model/format.js';
import { suggestionShown } from '../model/label-queue.js';
import { spaced } from '../model/words.js';
import { Card, Facts, Page, Table } from '../ui/layout.js';
import { Empty, Loaded, Loading, ProblemNote } from '../ui/states.js';
import { Ago, useNow } from '../ui/time.js';
import { GoldSkill } from './label/annotators.js';
import { keyOf, TaskCard } from './label/task-card.js';
import { useLabeling, type Labeling } from './label/use-labeling.js';

const route = getRouteApi('/label/$campaign');

function Progress({ campaign }: { readonly campaign: LabelCampaign }): ReactNode {
  const now = useNow(1000);
  const dueMs = toMs(campaign.dueAt);
  const done = campaign.answered + campaign.skipped;
  const left = dueMs === undefined ? undefined : dueMs - now;
  return (
    <Card title="Progress">
      <p className="rd-big">
        {formatCount(done)} of {formatCount(campaign.tasks)} done
        {campaign.skipped > 0 && <span className="rd-muted">, {formatCount(campaign.skipped)} of them skipped</span>}
      </p>
      <div
        className="rd-progress"
        role="progressbar"
        aria-label="Rows done"
        aria-valuemin={0}
        aria-valuemax={campaign.tasks}
        aria-valuenow={Math.min(done, campaign.tasks)}
      >
        <span style={{ width: `${String(Math.min(100, (done / Math.max(1, campaign.tasks)) * 100))}%` }} />
      </div>
      {campaign.explanation !== '' && (
        <p>
          Each row is asked to {formatCount(campaign.answersPerTask)} people now: {campaign.explanation}.
        </p>
      )}
      {left !== undefined && (
        <p className="rd-muted">
          {left > 0
            ? `${formatDuration(Math.floor(left / 1000) * 1000)} left`
            : 'The time is over; answers may come too late.'}
        </p>
      )}
    </Card>
  );
}

/** What gold tasks show of whoever looks; nothing before the first. */
function OwnSkill({ pipeline }: { readonly pipeline: string }): ReactNode {
  const who = useQuery(reads.whoAmI()).data?.principal;
  const mine = useQuery(reads.annotators(pipeline)).data?.annotators.find(({ annotator }) => annotator === who);
  if (mine?.accuracy === undefined) return null;
  return (
    <Card title="Your gold tasks">
      <GoldSkill annotator={mine} />
    </Card>
  );
}

function History({ task, classes }: { readonly task: LabelTask; readonly classes: readonly LabelClass[] }): ReactNode {
  const title = (value: string): string => classes.find((label) => label.value === value)?.title ?? value;
  if (task.answers.length === 0) return <Empty title="This row has no answer yet." />;
  return (
    <Table caption="Earlier answers" head={['Revision', 'Answer', 'By', 'Rationale', 'When']}>
      {task.answers.map((answer) => (
        <tr key={answer.revision}>
          <td>{answer.revision}</td>
          <td>{answer.skipped ? 'skipped' : title(answer.answer)}</td>
          <td>{answer.annotator}</td>
          <td className="rd-words">{answer.rationale || '–'}</td>
          <td className="rd-nowrap">
            <Ago at={answer.at} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function useLabelKeys(labeling: Labeling, classes: readonly LabelClass[], toHistory: () => void): void {
  const { task } = labeling;
  const accept = (): void => {
    if (task !== undefined && suggestionShown(task)) labeling.answer(task.suggestion);
  };
  useKeys(
    {
      ...Object.fromEntries(classes.map((label, index) => [keyOf(index), () => labeling.answer(label.value)])),
      Enter: accept,
      s: labeling.skip,
      z: labeling.back,
      r: () => document.getElementById('rationale')?.focus(),
      h: toHistory,
    },
    [labeling, classes, toHistory],
  );
  // Keys rest in text fields, so leaving one needs a binding that does not.
  useEffect(
    () =>
      tinykeys(
        window,
        {
          Escape: (event: KeyboardEvent) =>
            event.target instanceof HTMLTextAreaElement &&
            event.target.id === 'rationale' &&
            event.target.closest('section')?.focus(),
        },
        { ignore: () => false },
      ),
    [],
  );
}

function Workbench({ campaign }: { readonly campaign: LabelCampaign }): ReactNode {
  const labeling = useLabeling(campaign.campaignId);
  const [history, setHistory] = useState(false);
  const shown = labeling.campaign ?? campaign;
  const { task } = labeling;
  useLabelKeys(labeling, shown.classes, () => setHistory(true));
  return (
    <div className="rd-label">
      <div className="rd-stack">
        {labeling.problem !== undefined && <ProblemNote problem={labeling.problem} retry={labeling.retry} />}
        {task !== undefined && (
          <TaskCard
            task={task}
            question={shown.question}
            classes={shown.classes}
            labeling={labeling}
            toHistory={() => setHistory(true)}
          />
        )}
        {task === undefined && labeling.leasing && <Loading lines={6} />}
        {task === undefined && !labeling.leasing && labeling.problem === undefined && (
          <Card title="Done">
            <Empty
              title={
                labeling.answeredHere > 0
                  ? 'Every row that was yours is done. Thank you.'
                  : 'There is no row for you right now.'
              }
            >
              Others may still hold rows; they come back when their lease ends. <Link to="/label">Other campaigns</Link>
            </Empty>
          </Card>
        )}
        <div role="status" className="rd-sr">
          {labeling.answeredHere > 0 ? `${String(labeling.answeredHere)} done in this sitting` : ''}
        </div>
      </div>
      <div className="rd-stack">
        <Progress campaign={shown} />
        <OwnSkill pipeline={shown.pipeline} />
        <Card title="Guideline">
          <p className="rd-guideline">{shown.guideline || 'None was given.'}</p>
        </Card>
        <Card title="Campaign">
          <Facts
            items={[
              ['Pipeline', shown.pipeline],
              ['Due', <Ago key="d" at={shown.dueAt} />],
            ]}
          />
        </Card>
      </div>
      <Drawer opened={history} onClose={() => setHistory(false)} position="right" title="Earlier answers" size="lg">
        {task === undefined ? <Empty title="No row is open." /> : <History task={task} classes={shown.classes} />}
      </Drawer>
    </div>
  );
}

/** One row at a time, one hand on the keyboard. */
export function LabelPage(): ReactNode {
  const { campaign: id } = route.useParams();
  const may = useMay('annotator');
  const query = useQuery(reads.campaigns());
  return (
    <Loaded query={query} lines={6}>
      {({ campaigns }) => {
        const campaign = campaigns.find((c) => c.campaignId === id);
        const above = <Link to="/label">Campaigns</Link>;
        if (campaign === undefined)
          return (
            <Page title="Label" documentTitle="Label" above={above}>
              <Empty title="There is no such campaign.">
                <Link to="/label">See the ones there are</Link>
              </Empty>
            </Page>
          );
        return (
          <Page title="Label" documentTitle={`Label: ${campaign.question}`} above={above}>
            {campaign.state !== 'Open' && (
              <Empty title="This campaign is closed. Thank you.">{spaced(campaign.closeReason)}</Empty>
            )}
            {campaign.state === 'Open' && may === false && (
              <Empty title="Labeling needs the role annotator.">An administrator can give it to you.</Empty>
            )}
            {campaign.state === 'Open' && may !== false && <Workbench campaign={campaign} />}
          </Page>
        );
      }}
    </Loaded>
  );
}
