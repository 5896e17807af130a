import { NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { Approval } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../api/queries.js';
import { statusOf, verdictOf } from '../model/words.js';
import { Card, Page, Table } from '../ui/layout.js';
import { CycleLink, Model, PipelineLink } from '../ui/links.js';
import { Empty, Loaded } from '../ui/states.js';
import { Status } from '../ui/status.js';
import { Ago } from '../ui/time.js';

const route = getRouteApi('/approvals');
const STATES = ['Open', 'Approved', 'Rejected', 'Expired', 'Invalidated'];

function Row({ approval }: { readonly approval: Approval }): ReactNode {
  const given = approval.votes.filter((vote) => vote.approve).length;
  return (
    <tr>
      <td>
        <Status of={statusOf(approval.state)} />
      </td>
      <td className="rd-nowrap">
        <PipelineLink pipeline={approval.pipeline} />
        <div>
          <CycleLink pipeline={approval.pipeline} number={approval.cycleNumber} tab="approval">
            cycle {approval.cycleNumber}: see the evidence
          </CycleLink>
        </div>
      </td>
      <td>
        <Model of={approval.candidate} />
        <div>
          <Status of={verdictOf(approval.evaluationVerdict)} />
        </div>
      </td>
      <td className="rd-words">{approval.reason}</td>
      <td className="rd-nowrap">
        {given} of {approval.votesNeeded}
        <div className="rd-muted">{approval.votes.map((vote) => vote.actor?.id).join(', ')}</div>
      </td>
      <td className="rd-nowrap">
        {approval.state === 'Open' ? (
          <>
            expires <Ago at={approval.expiresAt} />
          </>
        ) : (
          <>
            asked <Ago at={approval.requestedAt} />
          </>
        )}
      </td>
    </tr>
  );
}

/** What waits for a vote, and what was decided. */
export function ApprovalsPage(): ReactNode {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery(reads.approvals('', search.state ?? ''));
  return (
    <Page title="Approvals" documentTitle="Approvals" lead="A vote is bound to the evidence it was given for.">
      <div className="rd-filters">
        <NativeSelect
          label="State"
          value={search.state ?? ''}
          onChange={(event) =>
            void navigate({
              search: event.currentTarget.value === '' ? {} : { state: event.currentTarget.value },
              replace: true,
            })
          }
          data={[
            { value: '', label: 'Every state' },
            ...STATES.map((state) => ({ value: state, label: statusOf(state).word })),
          ]}
        />
      </div>
      <Card title="Requests" flush>
        <Loaded query={query}>
          {({ approvals }) =>
            approvals.length === 0 ? (
              <Empty
                title={search.state === undefined ? 'No approval was ever asked for.' : 'No request is in this state.'}
              >
                {search.state !== undefined && <Link to="/approvals">Show every state</Link>}
              </Empty>
            ) : (
              <Table
                caption="Approval requests"
                head={['State', 'For', 'Challenger', 'Where it stands', 'Votes', 'Time']}
              >
                {approvals.map((approval) => (
                  <Row key={approval.approvalId} approval={approval} />
                ))}
              </Table>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}
