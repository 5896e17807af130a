import { describe, expect, it } from '@jest/globals';
import { castVote, expire, invalidate, type ApprovalState, type Ballot } from './approval.js';

const approval = (change: Partial<ApprovalState> = {}): ApprovalState => ({
  id: 'a1',
  pipeline: 'p',
  cycleId: 'c1',
  state: 'Open',
  boundDigest: 'sha256:1',
  votesNeeded: 2,
  votes: [],
  authors: ['author'],
  requestedAtMs: 0,
  expiresAtMs: 1000,
  onTimeout: 'Expire',
  reason: '',
  candidate: { name: 'm', version: 2, digest: 'sha256:m' },
  verdict: 'Pass',
  ...change,
});

const ballot = (id: string, change: Partial<Ballot> = {}): Ballot => ({
  actor: { id, kind: 'human', roles: ['approver'] },
  approve: true,
  rationale: 'looked at the report',
  boundDigest: 'sha256:1',
  atMs: 10,
  ...change,
});

describe('an approval', () => {
  it('needs the votes of different people', () => {
    const once = castVote(approval(), ballot('ann'));
    expect(once.state).toBe('Open');
    expect(() => castVote(once, ballot('ann'))).toThrow('ann has voted on a1 already');
    expect(castVote(once, ballot('bob')).state).toBe('Approved');
  });

  it('is rejected by one rejection, with the reason', () => {
    expect(castVote(approval(), ballot('ann', { approve: false, rationale: 'cohort gap' }))).toMatchObject({
      state: 'Rejected',
      reason: 'ann: cohort gap',
    });
  });

  it.each([
    ['the author', ballot('author'), 'SELF_APPROVAL'],
    ['a vote for other evidence', ballot('ann', { boundDigest: 'sha256:2' }), 'EVIDENCE_CHANGED'],
    ['a vote past the time', ballot('ann', { atMs: 1000 }), 'APPROVAL_CLOSED'],
  ])('refuses %s', (_name, vote, reason) => {
    expect(() => castVote(approval(), vote)).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ reason }) }),
    );
  });

  it.each(['Approved', 'Rejected', 'Expired', 'Invalidated'] as const)('takes no votes once %s', (state) => {
    expect(() => castVote(approval({ state }), ballot('ann'))).toThrow(
      expect.objectContaining({ code: 'failed-precondition' }),
    );
  });

  it('never approves by time-out', () => {
    expect(expire(approval()).state).toBe('Expired');
    expect(expire(approval({ onTimeout: 'Reject' })).state).toBe('Rejected');
    expect(expire(approval({ state: 'Approved' })).state).toBe('Approved');
  });

  it('dies when what was judged changes', () => {
    expect(invalidate(approval(), 'champion changed')).toMatchObject({
      state: 'Invalidated',
      reason: 'champion changed',
    });
    expect(invalidate(approval({ state: 'Approved' }), 'x').state).toBe('Approved');
  });
});
