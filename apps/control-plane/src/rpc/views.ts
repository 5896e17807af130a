import { create, fromJson, type JsonObject } from '@bufbuild/protobuf';
import {
  ApprovalSchema,
  AliasEntrySchema,
  CycleSchema,
  DecisionMadeSchema,
  GateResultSchema,
  IncidentSchema,
  LedgerEventSchema,
  ModelVersionSchema,
  registry,
  type Approval,
  type AliasEntry,
  type Cycle,
  type DecisionMade,
  type Incident,
  type LedgerEvent,
  type ModelVersion,
} from '@rondo/contracts';
import type { Journal, Stored, Unit } from '@rondo/journal';
import { etagOf } from '@rondo/service';
import { actorTo, estimateTo, findingTo, timestamp, verdictTo } from '../contract-map.js';
import type { ApprovalState } from '../domain/approval.js';
import { nextText, type CycleState, type Phase } from '../domain/cycle.js';
import type { IncidentState } from '../domain/incident.js';
import type { LedgerState } from '../domain/ledger.js';
import { CYCLE } from '../use-cases/cycles.js';
import type { AliasState, ModelVersionState } from '../use-cases/registry.js';

/** Anything that can look documents up. */
export type Reader = Pick<Journal | Unit, 'load'>;

const WAIT_KIND: Readonly<Record<Phase, string>> = {
  Preparing: 'compute',
  Labeling: 'human',
  Training: 'compute',
  Selecting: 'compute',
  Evaluating: 'compute',
  AwaitingApproval: 'human',
  RollingOut: 'traffic',
  Finished: 'compute',
};

export async function decisionRecord(reader: Reader, id: string): Promise<DecisionMade | undefined> {
  const stored = await reader.load<{ record: JsonObject }>('decision', id);
  return stored && decisionFrom(stored.state);
}

export function decisionFrom(state: { record: JsonObject }): DecisionMade {
  return fromJson(DecisionMadeSchema, state.record, { registry });
}

export async function cycleView(reader: Reader, stored: Stored<CycleState>): Promise<Cycle> {
  const cycle = stored.state;
  const splits = cycle.snapshot?.splits ?? [];
  const decision = await decisionRecord(reader, cycle.decisionId);
  return create(CycleSchema, {
    pipeline: cycle.pipeline,
    cycleId: cycle.id,
    number: cycle.number,
    phase: cycle.phase,
    result: cycle.result ?? '',
    reason: cycle.reason,
    trigger: cycle.trigger,
    causeEventIds: [...cycle.causes],
    mergedEventIds: [...cycle.merged],
    policyGeneration: BigInt(cycle.generation),
    phases: cycle.phases.map((span) => ({
      phase: span.phase,
      enteredAt: timestamp(span.enteredAtMs),
      leftAt: timestamp(span.leftAtMs),
      kind: WAIT_KIND[span.phase],
    })),
    snapshotDigest: cycle.snapshot?.digest ?? '',
    manifestDigest: cycle.snapshot?.manifest?.digest ?? '',
    ...(splits.length > 0 && {
      dataWindow: {
        start: timestamp(Math.min(...splits.map((s) => s.startMs))),
        end: timestamp(Math.max(...splits.map((s) => s.endMs))),
      },
    }),
    splitRows: Object.fromEntries(splits.map((split) => [split.name, BigInt(split.rows)])),
    campaignId: cycle.campaignId ?? '',
    candidates: cycle.candidates.map(
      ({
        complexity: _complexity,
        featureImportance: _importance,
        featureReliance = [],
        model,
        validation,
        durationMs,
        ...candidate
      }) => ({
        ...candidate,
        featureReliance: featureReliance.map(estimateTo),
        validation: validation.map(estimateTo),
        durationMs: BigInt(durationMs),
        modelDigest: model?.digest ?? '',
        selected: candidate.name === cycle.selected,
      }),
    ),
    selection: cycle.selectionNote,
    evaluationVerdict: verdictTo(cycle.evaluation?.verdict),
    gates: (cycle.evaluation?.gates ?? []).map((gate) => fromJson(GateResultSchema, gate as JsonObject, { registry })),
    reportDigest: cycle.evaluation?.report?.digest ?? '',
    modelCardDigest: cycle.evaluation?.modelCard?.digest ?? '',
    approvalId: cycle.approvalId ?? '',
    rolloutId: cycle.rolloutId ?? '',
    challenger: cycle.challenger,
    champion: cycle.champion,
    startedAt: timestamp(cycle.startedAtMs),
    finishedAt: timestamp(cycle.finishedAtMs),
    next: nextText(cycle),
    etag: etagOf(stored.version),
    failedStep: cycle.failedStep ?? '',
    eventTime: timestamp(cycle.asOfMs),
    ...(decision && { decision }),
  });
}

export async function approvalView(reader: Reader, stored: Stored<ApprovalState>): Promise<Approval> {
  const { id, votes, requestedAtMs, expiresAtMs, report, verdict, authors, ...approval } = stored.state;
  return create(ApprovalSchema, {
    ...approval,
    approvalId: id,
    votes: votes.map((vote) => ({
      actor: actorTo(vote.actor),
      approve: vote.approve,
      rationale: vote.rationale,
      at: timestamp(vote.atMs),
    })),
    requestedBy: authors.join(', '),
    requestedAt: timestamp(requestedAtMs),
    expiresAt: timestamp(expiresAtMs),
    evaluationVerdict: verdictTo(verdict),
    reportDigest: report?.digest ?? '',
    etag: etagOf(stored.version),
    cycleNumber: await numberOf(reader, approval.cycleId),
  });
}

/** The number people know a cycle by; 0 when there is none. */
async function numberOf(reader: Reader, cycleId: string | undefined): Promise<number> {
  return (cycleId && (await reader.load<CycleState>(CYCLE, cycleId))?.state.number) || 0;
}

export async function ledgerView(reader: Reader, state: LedgerState): Promise<LedgerEvent> {
  const { eventTimeMs, receivedAtMs, findings, ...event } = state;
  return create(LedgerEventSchema, {
    ...event,
    eventTime: timestamp(eventTimeMs),
    receivedAt: timestamp(receivedAtMs),
    findings: findings.map(findingTo),
    cycleNumber: await numberOf(reader, event.cycleId),
  });
}

export function modelView(state: ModelVersionState, champion: number | undefined): ModelVersion {
  return create(ModelVersionSchema, {
    model: state.model,
    pipeline: state.pipeline,
    cycleId: state.cycleId,
    candidate: state.candidate,
    snapshotDigest: state.snapshotDigest,
    featureViewDigest: state.featureViewDigest,
    reportDigest: state.report?.digest ?? '',
    modelCardDigest: state.modelCard?.digest ?? '',
    registeredAt: timestamp(state.registeredAtMs),
    aliases: state.model.version === champion ? ['champion'] : [],
    metrics: state.metrics.map(estimateTo),
  });
}

export function aliasView(state: AliasState): AliasEntry {
  return create(AliasEntrySchema, {
    alias: state.alias,
    model: state.model,
    since: timestamp(state.sinceMs),
    until: timestamp(state.untilMs),
    actor: actorTo(state.actor),
    reason: state.reason,
    cycleId: state.cycleId,
  });
}

export async function incidentView(reader: Reader, state: IncidentState): Promise<Incident> {
  const { id, openedAtMs, closedAtMs, closedBy: _closedBy, evidence, actionItems, ...incident } = state;
  return create(IncidentSchema, {
    ...incident,
    incidentId: id,
    openedAt: timestamp(openedAtMs),
    closedAt: timestamp(closedAtMs),
    evidence: [...evidence],
    actionItems: [...actionItems],
    cycleNumber: await numberOf(reader, incident.cycleId),
  });
}
