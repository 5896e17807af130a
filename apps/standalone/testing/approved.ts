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
import type { Fact, Recorded } from './recorded.js';

/**
 * Both stories ask for approval of every model. Traffic moves only for the model that was evaluated without a failure, and approved by
 * enough people who were shown that evaluation; the rule promotes only what every analysis passed.
 */
export function approved(recorded: Recorded): string[] {
  const commands = recorded.of(StartRolloutSchema);
  const asked = new Map(commands.map(({ message }) => [message.cycleId, message.candidate?.digest]));
  return [
    ...commands.flatMap((command) =>
      objectionsTo(recorded, command).map((objection) => `cycle ${command.message.cycleId} rolls out ${objection}`),
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

function objectionsTo(recorded: Recorded, { position, message: command }: Fact<StartRollout>): string[] {
  const { cycleId, approvalId, candidate, champion, policyGeneration } = command;
  const evaluation = recorded.messages(EvaluationCompletedSchema).find((known) => known.cycleId === cycleId);
  if (!evaluation || evaluation.model?.digest !== candidate?.digest) return ['a model that was not evaluated'];
  const request = recorded.messages(ApprovalRequestedSchema).find((known) => known.approvalId === approvalId);
  if (!request) return ['without a request for approval'];
  const votes = recorded
    .of(ApprovalVotedSchema)
    .filter((vote) => vote.position < position && vote.message.approvalId === approvalId && vote.message.approve);
  const voters = new Set(votes.map(({ message }) => message.actor?.id)).size;
  const closed = recorded
    .of(ApprovalClosedSchema)
    .find((end) => end.position < position && end.message.approvalId === approvalId);
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
    ...(closed?.message.decision === 'Approved' ? [] : [`what was decided ${closed?.message.decision ?? 'nowhere'}`]),
    ...(request.boundDigest === digestOfJson(shown) ? [] : ['something else than people were shown']),
  ];
}

/** The first model of an endpoint has nothing to be compared with; a person may know more than the analyses. */
function isPromotedByRule({ result, champion, actor }: RolloutFinished): boolean {
  return result === RolloutResult.PROMOTED && champion !== undefined && actor?.kind === ActorKind.POLICY;
}
