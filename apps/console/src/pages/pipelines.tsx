import { useQuery } from '@tanstack/react-query';
import type { Pipeline } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../api/queries.js';
import { statusOf, type StatusWord } from '../model/words.js';
import { Card, Page, Table } from '../ui/layout.js';
import { Model, PipelineLink } from '../ui/links.js';
import { Empty, Loaded } from '../ui/states.js';
import { Status } from '../ui/status.js';
import { At } from '../ui/time.js';

/** Whether the budget of cycles allows no further one. */
export const isBudgetSpent = ({ cyclesMax, cyclesInBudgetWindow }: Pipeline): boolean =>
  cyclesMax > 0 && cyclesInBudgetWindow >= cyclesMax;

/** Whether automatic cycles may start, in one word. */
export function readiness(pipeline: Pipeline): StatusWord {
  if (pipeline.suspended) return { tone: 'warn', word: 'suspended' };
  if (pipeline.held) return { tone: 'warn', word: 'held' };
  if (pipeline.activeCycleId !== '') return { tone: 'info', word: 'cycle running' };
  if (pipeline.coolingDownUntil !== undefined) return { tone: 'wait', word: 'cooling down' };
  if (isBudgetSpent(pipeline)) return { tone: 'warn', word: 'budget used up' };
  return { tone: 'good', word: 'watching' };
}

function Row({ pipeline }: { readonly pipeline: Pipeline }): ReactNode {
  const last = pipeline.lastDecision?.record;
  return (
    <tr>
      <td>
        <PipelineLink pipeline={pipeline.name} />
        <div className="rd-muted">{pipeline.owners.join(', ')}</div>
      </td>
      <td>
        <Status of={readiness(pipeline)} />
      </td>
      <td>
        <Model of={pipeline.champion} />
        {pipeline.championSince !== undefined && (
          <div className="rd-muted rd-nowrap">
            since <At at={pipeline.championSince} />
          </div>
        )}
      </td>
      <td className="rd-words">
        {last === undefined ? (
          <span className="rd-muted">none yet</span>
        ) : (
          <>
            <Status of={statusOf(last.verdict)} /> <span className="rd-muted">{last.explanation || last.reason}</span>
          </>
        )}
      </td>
      <td className="rd-nowrap">
        {pipeline.cyclesMax > 0
          ? `${String(pipeline.cyclesInBudgetWindow)} of ${String(pipeline.cyclesMax)}`
          : 'no limit'}
      </td>
    </tr>
  );
}

/** Every pipeline with its champion and its last decision. */
export function PipelinesPage(): ReactNode {
  const query = useQuery(reads.pipelines());
  return (
    <Page
      title="Pipelines"
      documentTitle="Pipelines"
      lead="One pipeline keeps one endpoint's model fresh, by the document it was given."
    >
      <Card title="All pipelines" flush>
        <Loaded query={query}>
          {({ pipelines }) =>
            pipelines.length === 0 ? (
              <Empty title="No pipeline has been applied yet.">
                Apply a document: <code>rondo apply -f pipeline.yaml</code>
              </Empty>
            ) : (
              <Table caption="Pipelines" head={['Pipeline', 'State', 'Champion', 'Last decision', 'Cycles in budget']}>
                {pipelines.map((pipeline) => (
                  <Row key={pipeline.name} pipeline={pipeline} />
                ))}
              </Table>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}
