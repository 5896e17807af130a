import { digestOfJson } from '@rondo/artifacts';
import {
  ActorKind,
  ApprovalClosedSchema,
  ApprovalRequestedSchema,
  ApprovalVotedSchema,
  EvaluationCompletedSchema,
  RolloutFinishedSchema,
  RolloutResult,
  RolloutStartedSchema,
  StartRolloutSchema,
  Verdict,
  type RolloutFinished,
  type StartRollout,
} from '@rondo/contracts';
import type { Recorded } from './recorded.js';

/**
 * Both stories ask for approval of every model. Traffic moves only for the model that was evaluated without a failure, and approved by
 * enough people who were shown that evaluation; the rule promotes only what every analysis passed.
 */
export function approved(recorded: Recorded): string[] {
  const commands = recorded.messages(StartRolloutSchema);
  const asked = new Map(commands.map(({ cycleId, candidate }) => [cycleId, candidate?.digest]));
  return [
    ...commands.flatMap((command) =>
      objectionsTo(recorded, command).map((objection) => `cycle ${command.cycleId} rolls out ${objection}`),
    ),
    ...recorded
      .messages(RolloutStartedSchema)
      .filter(({ cycleId, candidate }) => candidate && asked.get(cycleId) !== candidate.digest)
      .map(({ rolloutId }) => `rollout ${rolloutId} was never asked for`),
    ...recorded
      .messages(RolloutFinishedSchema)
      .filter(isPromotedByRule)
      .flatMap(({ rolloutId, evidence }) => {
        if (evidence.length === 0) return [`rollout ${rolloutId} was promoted without evidence`];
        const doubts = evidence.filter(({ verdict }) => verdict !== Verdict.PASS);
        return doubts.map(({ analysis }) => `rollout ${rolloutId} was promoted although ${analysis} did not pass`);
      }),
  ];
}

function objectionsTo(recorded: Recorded, command: StartRollout): string[] {
  const { cycleId, approvalId, candidate, champion, policyGeneration } = command;
  const evaluation = recorded.messages(EvaluationCompletedSchema).find((known) => known.cycleId === cycleId);
  if (!evaluation || evaluation.model?.digest !== candidate?.digest) return ['a model that was not evaluated'];
  const request = recorded.messages(ApprovalRequestedSchema).find((known) => known.approvalId === approvalId);
  if (!request) return ['without a request for approval'];
  const votes = recorded.messages(ApprovalVotedSchema).filter((vote) => vote.approvalId === approvalId && vote.approve);
  const voters = new Set(votes.map(({ actor }) => actor?.id)).size;
  const decision = recorded.messages(ApprovalClosedSchema).find((end) => end.approvalId === approvalId)?.decision;
  const shown = {
    model: candidate?.digest,
    report: evaluation.report?.digest,
    champion: champion?.digest,
    generation: Number(policyGeneration),
  };
  return [
    ...(evaluation.verdict === Verdict.FAIL || evaluation.verdict === Verdict.ERROR
      ? ['what its evaluation failed']
      : []),
    ...(voters < request.votesNeeded ? [`with ${voters} of ${request.votesNeeded} votes`] : []),
    ...(decision === 'Approved' ? [] : [`what was decided ${decision ?? 'nowhere'}`]),
    ...(request.boundDigest === digestOfJson(shown) ? [] : ['something else than people were shown']),
  ];
}

/** The first model of an endpoint has nothing to be compared with; a person may know more than the analyses. */
function isPromotedByRule({ result, champion, actor }: RolloutFinished): boolean {
  return result === RolloutResult.PROMOTED && champion !== undefined && actor?.kind === ActorKind.POLICY;
}
