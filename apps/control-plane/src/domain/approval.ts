import { PermanentError } from '@rondo/kernel';
import type { ActorReference, ArtifactReference, ModelReference } from './references.js';

export interface VoteState {
  readonly actor: ActorReference;
  readonly approve: boolean;
  readonly rationale: string;
  readonly atMs: number;
}

export interface ApprovalState {
  readonly id: string;
  readonly pipeline: string;
  readonly cycleId: string;
  readonly state: 'Open' | 'Approved' | 'Rejected' | 'Expired' | 'Invalidated';
  /** Digest over what is judged: model, report, champion and policy generation. */
  readonly boundDigest: string;
  readonly votesNeeded: number;
  readonly votes: readonly VoteState[];
  /** Principals who may not vote: whoever wrote the policy generation or asked for the cycle. */
  readonly authors: readonly string[];
  readonly requestedAtMs: number;
  readonly expiresAtMs: number;
  readonly onTimeout: 'Expire' | 'Reject';
  readonly reason: string;
  readonly candidate: ModelReference;
  readonly report?: ArtifactReference;
  readonly verdict: string;
}

export interface Ballot {
  readonly actor: ActorReference;
  readonly approve: boolean;
  readonly rationale: string;
  readonly boundDigest: string;
  readonly atMs: number;
}

/**
 * Counts a vote. One rejection rejects; `votesNeeded` approvals of different people approve.
 * Refuses votes on closed requests, for another digest, by an author, and a second vote of the same person.
 */
export function castVote(approval: ApprovalState, ballot: Ballot): ApprovalState {
  refuseUnlessOpen(approval, ballot.atMs);
  if (ballot.boundDigest !== approval.boundDigest) {
    throw new PermanentError(
      'conflict',
      `approval ${approval.id} is bound to ${approval.boundDigest}, the vote to ${ballot.boundDigest}`,
      {
        field: 'bound_digest',
        value: ballot.boundDigest,
        rule: 'must equal the digest of what is judged now',
        reason: 'EVIDENCE_CHANGED',
      },
    );
  }
  if (approval.authors.includes(ballot.actor.id)) {
    throw new PermanentError('denied', `${ballot.actor.id} wrote or asked for what is judged and may not vote on it`, {
      field: 'principal',
      value: ballot.actor.id,
      rule: 'authors do not approve their own change',
      reason: 'SELF_APPROVAL',
    });
  }
  if (approval.votes.some((vote) => vote.actor.id === ballot.actor.id)) {
    throw new PermanentError('failed-precondition', `${ballot.actor.id} has voted on ${approval.id} already`, {
      field: 'principal',
      value: ballot.actor.id,
      rule: 'one vote per person',
      reason: 'ALREADY_VOTED',
    });
  }
  const votes = [
    ...approval.votes,
    { actor: ballot.actor, approve: ballot.approve, rationale: ballot.rationale, atMs: ballot.atMs },
  ];
  if (!ballot.approve)
    return { ...approval, votes, state: 'Rejected', reason: `${ballot.actor.id}: ${ballot.rationale}` };
  const approvals = votes.filter((vote) => vote.approve).length;
  if (approvals < approval.votesNeeded) return { ...approval, votes };
  return {
    ...approval,
    votes,
    state: 'Approved',
    reason: `${approvals} of ${approval.votesNeeded} approvals: ${votes.map((vote) => vote.actor.id).join(', ')}`,
  };
}

function refuseUnlessOpen(approval: ApprovalState, atMs: number): void {
  const expired = approval.state === 'Open' && atMs >= approval.expiresAtMs;
  if (approval.state === 'Open' && !expired) return;
  throw new PermanentError(
    'failed-precondition',
    `approval ${approval.id} is ${expired ? 'past its time' : approval.state.toLowerCase()}`,
    {
      field: 'approval_id',
      value: approval.id,
      rule: 'votes count only while the request is open',
      reason: 'APPROVAL_CLOSED',
    },
  );
}

/** What the time-out means: neutral `Expired` or `Rejected`, never an approval. */
export function expire(approval: ApprovalState): ApprovalState {
  if (approval.state !== 'Open') return approval;
  const state = approval.onTimeout === 'Reject' ? 'Rejected' : 'Expired';
  return { ...approval, state, reason: `no decision before ${new Date(approval.expiresAtMs).toISOString()}` };
}

/** What was judged changed or went away. */
export function invalidate(approval: ApprovalState, reason: string): ApprovalState {
  return approval.state === 'Open' ? { ...approval, state: 'Invalidated', reason } : approval;
}
