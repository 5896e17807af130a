import { Button, Textarea } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Approval, Cycle } from '@rondo/contracts';
import { useRef, useState, type ReactNode } from 'react';
import { api } from '../../api/client.js';
import { problemOf, type Problem } from '../../api/errors.js';
import { reads } from '../../api/queries.js';
import { useMay } from '../../app/who.js';
import { statusOf, verdictOf } from '../../model/words.js';
import { Digest } from '../../ui/copy.js';
import { Card, Facts, Table } from '../../ui/layout.js';
import { Model } from '../../ui/links.js';
import { notify } from '../../ui/notify.js';
import { SHORTEST_REASON } from '../../ui/reason-dialog.js';
import { Empty, Loaded, ProblemNote } from '../../ui/states.js';
import { Status } from '../../ui/status.js';
import { Ago } from '../../ui/time.js';

function useVote(approval: Approval) {
  const client = useQueryClient();
  const [rationale, setRationale] = useState('');
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  // One id per decision: pressing twice, or again after a lost answer, votes once.
  const ids = useRef({ yes: crypto.randomUUID(), no: crypto.randomUUID(), of: '' });
  const vote = async (approve: boolean): Promise<void> => {
    if (ids.current.of !== rationale)
      ids.current = { yes: crypto.randomUUID(), no: crypto.randomUUID(), of: rationale };
    setBusy(true);
    setProblem(undefined);
    try {
      await api.approvals.vote({
        approvalId: approval.approvalId,
        approve,
        rationale: rationale.trim(),
        boundDigest: approval.boundDigest,
        requestId: approve ? ids.current.yes : ids.current.no,
      });
      notify({ tone: 'good', message: approve ? 'Your approval was recorded.' : 'Your rejection was recorded.' });
      setRationale('');
      await client.invalidateQueries();
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  return { rationale, setRationale, problem, busy, vote };
}

function VoteForm({ approval }: { readonly approval: Approval }): ReactNode {
  const may = useMay('approver');
  const { rationale, setRationale, problem, busy, vote } = useVote(approval);
  const ready = rationale.trim().length >= SHORTEST_REASON && may !== false;
  return (
    <Card title="Your decision" tone="accent">
      <Textarea
        label="Rationale"
        description={`What you looked at and why you decide so; at least ${String(SHORTEST_REASON)} characters.`}
        rows={3}
        value={rationale}
        onChange={(event) => setRationale(event.currentTarget.value)}
        maxLength={4000}
        required
      />
      <p className="rd-muted">
        Your vote counts for exactly this evidence (<Digest value={approval.boundDigest} />
        ). When the model, the report or the policy changes, it no longer counts.
      </p>
      {may === false && <p>Voting needs the role approver. An administrator can give it to you.</p>}
      {problem !== undefined && <ProblemNote problem={problem} />}
      <div className="rd-actions">
        <Button onClick={() => void vote(true)} disabled={!ready} loading={busy}>
          Approve the rollout
        </Button>
        <Button color="red" onClick={() => void vote(false)} disabled={!ready} loading={busy}>
          Reject
        </Button>
      </div>
    </Card>
  );
}

function Evidence({ approval, cycle }: { readonly approval: Approval; readonly cycle: Cycle }): ReactNode {
  const review = cycle.gates.filter((gate) => verdictOf(gate.verdict).word !== 'pass');
  const given = approval.votes.filter((vote) => vote.approve).length;
  const to = {
    to: '/pipelines/$pipeline/cycles/$number',
    params: { pipeline: cycle.pipeline, number: String(cycle.number) },
  } as const;
  return (
    <Card title="What is asked" note={<Status of={statusOf(approval.state)} />}>
      <p className="rd-big">{approval.reason}</p>
      <Facts
        items={[
          ['Challenger', <Model key="c" of={approval.candidate} />],
          ['Replaces', <Model key="r" of={cycle.champion} />],
          ['Evaluation', <Status key="e" of={verdictOf(approval.evaluationVerdict)} />],
          ['Votes', `${String(given)} of ${String(approval.votesNeeded)} needed`],
          ['Requested by', approval.requestedBy],
          ['Requested', <Ago key="a" at={approval.requestedAt} />],
          ...(approval.state === 'Open'
            ? [
                [
                  'Time-out',
                  <span key="t">
                    <Ago at={approval.expiresAt} />:{' '}
                    {approval.onTimeout === 'Reject' ? 'counts as a rejection' : 'the request expires'}
                  </span>,
                ] as const,
              ]
            : []),
          ['Evidence digest', <Digest key="d" value={approval.boundDigest} />],
        ]}
      />
      {review.length > 0 && (
        <div>
          <h3>Look at these first</h3>
          <ul className="rd-plain-list">
            {review.map((gate) => (
              <li key={gate.gate}>
                {gate.gate}: {gate.explanation}
              </li>
            ))}
          </ul>
        </div>
      )}
      <p className="rd-row">
        <Link {...to} search={{ tab: 'evaluation' }}>
          Gates and report
        </Link>
        <Link {...to} search={{ tab: 'data' }}>
          Data and drift
        </Link>
        <Link {...to} search={{ tab: 'training' }}>
          Candidates
        </Link>
      </p>
    </Card>
  );
}

function Votes({ approval }: { readonly approval: Approval }): ReactNode {
  return (
    <Card title="Votes" flush>
      {approval.votes.length === 0 ? (
        <Empty title="Nobody has voted yet." />
      ) : (
        <Table caption="Votes" head={['Who', 'Vote', 'Rationale', 'When']}>
          {approval.votes.map((vote, index) => (
            <tr key={index}>
              <td>{vote.actor?.id}</td>
              <td>
                <Status of={statusOf(vote.approve ? 'Approved' : 'Rejected')} />
              </td>
              <td className="rd-words">{vote.rationale}</td>
              <td className="rd-nowrap">
                <Ago at={vote.at} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}

/** The request with its evidence, the votes given, and the form. */
export function ApprovalTab({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const query = useQuery({ ...reads.approval(cycle.approvalId), enabled: cycle.approvalId !== '' });
  if (cycle.approvalId === '')
    return (
      <Card title="Approval">
        <Empty title="No approval was asked for.">
          The policy did not require one, or the cycle has not come that far.
        </Empty>
      </Card>
    );
  return (
    <Loaded query={query}>
      {(approval) => (
        <div className="rd-page">
          <Evidence approval={approval} cycle={cycle} />
          {approval.state === 'Open' && <VoteForm approval={approval} />}
          <Votes approval={approval} />
        </div>
      )}
    </Loaded>
  );
}
