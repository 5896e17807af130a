import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ApprovalClosedSchema, ApprovalRequestedSchema, ApprovalVotedSchema, TimerFiredSchema } from '@rondo/contracts';
import { digestOfJson } from '@rondo/artifacts';
import type { Outgoing, Unit } from '@rondo/journal';
import { assert, idFrom, PermanentError } from '@rondo/kernel';
import { compileExpression, type ContextValues, type PipelineSpec } from '@rondo/policy';
import { actorTo, outgoing } from '../contract-map.js';
import { castVote, type ApprovalState, type Ballot, type VoteState } from '../domain/approval.js';
import { enter, type CycleState } from '../domain/cycle.js';
import type { ActorReference } from '../domain/references.js';
import { beginRollout, finishCycle, loadCycle, phaseChanged, saveCycle } from './cycles.js';
import { generationId, type GenerationState } from './policies.js';

export const APPROVAL = 'approval';
export const APPROVAL_TIMER = 'approval-expiry';

/** What a vote is bound to: change any of it and the request dies. */
function boundDigest(cycle: CycleState): string {
  return digestOfJson({
    model: cycle.challenger?.digest,
    report: cycle.evaluation?.report?.digest,
    champion: cycle.champion?.digest,
    generation: cycle.generation,
  });
}

/** Asks for the approvals the policy wants, or goes on when it wants none. */
export async function requestApproval(unit: Unit, cycle: CycleState, spec: PipelineSpec, atMs: number): Promise<void> {
  const values = {
    evaluation: {
      verdict: cycle.evaluation?.verdict ?? 'Error',
      requiresReview: cycle.evaluation?.requiresReview ?? true,
    },
    cycle: { trigger: cycle.trigger },
    champion: { exists: cycle.champion !== undefined },
  };
  const rule = spec.approvals;
  if (!compileExpression(rule.requiredWhen, 'approval').evaluate(values).value) {
    return beginRollout(unit, cycle, atMs, `no approval needed: ${rule.requiredWhen} is false`);
  }
  assert(cycle.challenger, `cycle ${cycle.id} asks for approval without a challenger`);
  const id = idFrom('approval', cycle.id, String(cycle.phases.length));
  const waiting = enter(cycle, 'AwaitingApproval', atMs, { approvalId: id });
  const approval: ApprovalState = {
    id,
    pipeline: cycle.pipeline,
    cycleId: cycle.id,
    state: 'Open',
    boundDigest: boundDigest(cycle),
    votesNeeded: rule.votesNeeded,
    votes: [],
    authors: rule.excludeAuthors ? await authorsOf(unit, cycle) : [],
    requestedAtMs: atMs,
    expiresAtMs: atMs + rule.timeoutMs,
    onTimeout: rule.onTimeout,
    reason: '',
    candidate: cycle.challenger,
    verdict: cycle.evaluation?.verdict ?? 'Error',
    ...(cycle.evaluation?.report && { report: cycle.evaluation.report }),
  };
  saveCycle(unit, waiting, [
    phaseChanged(
      waiting,
      cycle.phase,
      rule.votesNeeded === 1 ? 'a vote is needed' : `${rule.votesNeeded} votes are needed`,
    ),
  ]);
  saveApproval(unit, approval, [
    outgoing(
      ApprovalRequestedSchema,
      {
        pipeline: cycle.pipeline,
        cycleId: cycle.id,
        approvalId: id,
        boundDigest: approval.boundDigest,
        votesNeeded: approval.votesNeeded,
        expiresAt: timestampFromMs(approval.expiresAtMs),
      },
      { cycleid: cycle.id },
    ),
  ]);
  unit.schedule({
    id: `${APPROVAL_TIMER}/${id}`,
    atMs: approval.expiresAtMs,
    outgoing: outgoing(TimerFiredSchema, {
      service: 'control-plane',
      timer: APPROVAL_TIMER,
      subject: id,
      pipeline: cycle.pipeline,
    }),
  });
  await approveByRule(unit, cycle, spec, { approval, values, atMs });
}

/** The policy's own vote, where it has a rule for that and the rule holds. */
async function approveByRule(
  unit: Unit,
  cycle: CycleState,
  spec: PipelineSpec,
  { approval, values, atMs }: { approval: ApprovalState; values: ContextValues; atMs: number },
): Promise<void> {
  const auto = spec.approvals.autoApprove;
  if (!auto) return;
  const verdict = compileExpression(auto.when, 'approval').evaluate(values);
  if (!verdict.value) return;
  const actor: ActorReference = {
    id: `policy:${cycle.pipeline}@${cycle.generation}`,
    kind: 'policy',
    roles: ['approver'],
  };
  const read = Object.entries(verdict.read).map(([name, value]) => `${name} = ${String(value)}`);
  const rationale = `${auto.rationale} (${auto.when}; ${read.join(', ')})`;
  await vote(unit, approval.id, spec, { actor, approve: true, rationale, boundDigest: approval.boundDigest, atMs });
}

async function authorsOf(unit: Unit, cycle: CycleState): Promise<string[]> {
  const generation = await unit.load<GenerationState>('generation', generationId(cycle.pipeline, cycle.generation));
  return [...new Set([...(generation ? [generation.state.author.id] : []), cycle.startedBy])];
}

export async function loadApproval(unit: Unit, id: string): Promise<ApprovalState> {
  const stored = await unit.load<ApprovalState>(APPROVAL, id);
  if (!stored)
    throw new PermanentError('not-found', `there is no approval ${id}`, {
      field: 'approval_id',
      value: id,
      rule: 'an existing approval',
    });
  return stored.state;
}

function saveApproval(unit: Unit, approval: ApprovalState, messages: readonly Outgoing[]): void {
  unit.save<ApprovalState>({
    kind: APPROVAL,
    id: approval.id,
    state: approval,
    index: { pipeline: approval.pipeline, state: approval.state, requestedAtMs: approval.requestedAtMs },
    outgoing: messages,
  });
}

/** Records a vote and, when it decides, moves the cycle on. */
export async function vote(unit: Unit, id: string, spec: PipelineSpec, ballot: Ballot): Promise<ApprovalState> {
  const after = castVote(await loadApproval(unit, id), ballot);
  const cast = after.votes.at(-1) as VoteState;
  const voted = outgoing(
    ApprovalVotedSchema,
    {
      pipeline: after.pipeline,
      cycleId: after.cycleId,
      approvalId: id,
      actor: actorTo(cast.actor),
      approve: cast.approve,
      rationale: cast.rationale,
    },
    { cycleid: after.cycleId },
  );
  if (after.state === 'Open') {
    saveApproval(unit, after, [voted]);
    return after;
  }
  await close(unit, after, spec, { messages: [voted], atMs: ballot.atMs });
  return after;
}

/** Saves a closed approval and lets the cycle go on or end. */
export async function close(
  unit: Unit,
  approval: ApprovalState,
  spec: PipelineSpec,
  how: { messages: readonly Outgoing[]; atMs: number },
): Promise<void> {
  const { id, pipeline, cycleId, state: decision, reason } = approval;
  saveApproval(unit, approval, [
    ...how.messages,
    outgoing(ApprovalClosedSchema, { pipeline, cycleId, approvalId: id, decision, reason }, { cycleid: cycleId }),
  ]);
  unit.cancelTimer(`${APPROVAL_TIMER}/${id}`);
  const cycle = await loadCycle(unit, cycleId);
  if (cycle.phase !== 'AwaitingApproval' || cycle.approvalId !== id) return;
  if (decision === 'Approved') return beginRollout(unit, cycle, how.atMs, reason);
  const result = decision === 'Invalidated' ? 'Superseded' : 'Rejected';
  await finishCycle(unit, cycle, spec, {
    result,
    reason: `approval ${decision.toLowerCase()}: ${reason}`,
    atMs: how.atMs,
  });
}
