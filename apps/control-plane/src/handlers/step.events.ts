import { Inject } from '@nestjs/common';
import {
  CandidateFailedSchema,
  CandidateTrainedSchema,
  EvaluationCompletedSchema,
  GateResultSchema,
  LabelCampaignClosedSchema,
  LabelCampaignOpenedSchema,
  StepFailedSchema,
  TimerFiredSchema,
  TrainingProgressedSchema,
  Verdict,
  type CandidateFailed,
  type CandidateTrained,
  type EvaluationCompleted,
  type LabelCampaignClosed,
  type LabelCampaignOpened,
  type StepFailed,
  type TimerFired,
  type TrainingProgressed,
} from '@rondo/contracts';
import type { Unit } from '@rondo/journal';
import type { Delivery } from '@rondo/messaging';
import type { PipelineSpec } from '@rondo/policy';
import { BusController, causeOf, HandleEvent, PLATFORM, type Platform } from '@rondo/service';
import { artifactFrom, estimateFrom, shown, verdictFrom } from '../contract-map.js';
import { expire } from '../domain/approval.js';
import {
  RELIANCES_KEPT,
  trainingIsOver,
  updateCandidate,
  type CandidateState,
  type CycleState,
} from '../domain/cycle.js';
import { APPROVAL_TIMER, close, loadApproval, requestApproval } from '../use-cases/approvals.js';
import {
  beginTraining,
  finishCycle,
  loadCycle,
  prepareWithLabels,
  saveCycle,
  selectAndEvaluate,
} from '../use-cases/cycles.js';
import { loadPipeline, savePipeline } from '../use-cases/pipelines.js';
import { Policies } from '../use-cases/policies.js';
import { SCHEDULED_TIMER } from '../use-cases/scheduled-cycles.js';
import { startScheduled } from '../use-cases/start-scheduled.js';
import { registerChallenger } from '../use-cases/registry.js';

/** Answers to the steps of a cycle. An answer to a step that is over already changes nothing. */
@BusController()
export class StepEvents {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(Policies) private readonly policies: Policies,
  ) {}

  @HandleEvent(LabelCampaignOpenedSchema)
  async onCampaignOpened(event: LabelCampaignOpened, delivery: Delivery): Promise<void> {
    await this.step(event.cycleId, delivery, (unit, cycle) =>
      saveCycle(unit, { ...cycle, campaignId: event.campaignId }),
    );
  }

  @HandleEvent(LabelCampaignClosedSchema)
  async onCampaignClosed(event: LabelCampaignClosed, delivery: Delivery): Promise<void> {
    await this.step(event.cycleId, delivery, async (unit, cycle, spec) => {
      if (cycle.phase !== 'Labeling') return;
      const atMs = this.platform.clock.now();
      const undecided = event.verdict === Verdict.INCONCLUSIVE;
      const unused = undecided || event.verdict === Verdict.FAIL;
      const rest = unused ? `no label is used: ${event.explanation}` : 'rows without an answer are left out';
      const labelNote = `${event.answered} of ${event.answered + event.unanswered} doubtful rows labeled (${event.reason}); ${rest}`;
      if (!event.passed) {
        const what = undecided ? 'label quality undecided' : 'label quality not reached';
        return finishCycle(unit, cycle, spec, { result: 'Failed', reason: `${what}: ${labelNote}`, atMs });
      }
      const labelSet = artifactFrom(event.labelSet);
      if (event.answered > 0 && labelSet) return prepareWithLabels(unit, { ...cycle, labelNote, labelSet }, spec, atMs);
      beginTraining(unit, { ...cycle, labelNote }, spec, atMs);
    });
  }

  @HandleEvent(TrainingProgressedSchema)
  async onProgress(event: TrainingProgressed, delivery: Delivery): Promise<void> {
    await this.step(event.cycleId, delivery, (unit, cycle) => {
      const candidate = cycle.candidates.find((item) => item.name === event.candidate);
      if (candidate?.state === 'Training')
        saveCycle(unit, updateCandidate(cycle, event.candidate, { progress: event.progress, stage: event.stage }));
    });
  }

  @HandleEvent(CandidateTrainedSchema)
  async onTrained(event: CandidateTrained, delivery: Delivery): Promise<void> {
    const model = artifactFrom(event.model);
    await this.candidateDone(event, delivery, {
      state: 'Trained',
      trainer: event.trainer,
      params: { ...event.params },
      validation: event.validation.map(estimateFrom),
      featureImportance: [...event.featureImportance],
      featureReliance: event.featureReliance
        .map(estimateFrom)
        .sort((a, b) => b.value - a.value)
        .slice(0, RELIANCES_KEPT),
      complexity: Number(event.complexity),
      durationMs: Number(event.durationMs),
      progress: 1,
      stage: 'done',
      ...(model && { model }),
    });
  }

  @HandleEvent(CandidateFailedSchema)
  async onCandidateFailed(event: CandidateFailed, delivery: Delivery): Promise<void> {
    await this.candidateDone(event, delivery, {
      state: 'Failed',
      message: `${event.code}: ${event.message}`,
      stage: 'failed',
    });
  }

  @HandleEvent(EvaluationCompletedSchema)
  async onEvaluated(event: EvaluationCompleted, delivery: Delivery): Promise<void> {
    await this.step(event.cycleId, delivery, async (unit, before, spec) => {
      if (before.phase !== 'Evaluating' || before.selected !== event.candidate) return;
      const atMs = this.platform.clock.now();
      const report = artifactFrom(event.report);
      const modelCard = artifactFrom(event.modelCard);
      const verdict = verdictFrom(event.verdict);
      const cycle: CycleState = {
        ...before,
        evaluation: {
          verdict,
          requiresReview: event.requiresReview,
          metrics: event.metrics.map(estimateFrom),
          gates: event.gates.map((gate) => shown(GateResultSchema, gate)),
          ...(report && { report }),
          ...(modelCard && { modelCard }),
        },
      };
      if (verdict !== 'Pass' && !(verdict === 'Inconclusive' && event.requiresReview)) {
        const failed = event.gates
          .filter((gate) => verdictFrom(gate.verdict) !== 'Pass')
          .map((gate) => `${gate.gate}: ${gate.explanation}`);
        return finishCycle(unit, cycle, spec, {
          result: 'Rejected',
          reason: `evaluation ${verdict.toLowerCase()}: ${failed.join('; ')}`,
          atMs,
        });
      }
      const { pipeline, challenger } = registerChallenger(unit, await loadPipeline(unit, cycle.pipeline), cycle, {
        name: spec.model.name,
        featureNames: spec.data.features.columns,
        atMs,
      });
      savePipeline(unit, pipeline);
      await requestApproval(unit, { ...cycle, challenger }, spec, atMs);
    });
  }

  @HandleEvent(StepFailedSchema)
  async onStepFailed(event: StepFailed, delivery: Delivery): Promise<void> {
    await this.step(event.cycleId, delivery, async (unit, cycle, spec) => {
      const reason = `${event.step} failed after ${event.attempts} attempt(s): ${event.code}: ${event.message}`;
      await finishCycle(unit, cycle, spec, { result: 'Failed', reason, atMs: this.platform.clock.now() });
    });
  }

  @HandleEvent(TimerFiredSchema)
  async onTimer(event: TimerFired, delivery: Delivery): Promise<void> {
    if (event.service !== 'control-plane') return;
    if (event.timer === SCHEDULED_TIMER) {
      const due = { pipeline: event.subject, forecastId: event.token, atMs: this.platform.clock.now() };
      await this.platform.journal.once(causeOf(delivery), (unit) => startScheduled(unit, this.policies, due));
    }
    if (event.timer !== APPROVAL_TIMER) return;
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const approval = await loadApproval(unit, event.subject);
      const after = expire(approval);
      if (after === approval) return;
      const cycle = await loadCycle(unit, approval.cycleId);
      const spec = await this.policies.spec(unit, cycle.pipeline, cycle.generation);
      await close(unit, after, spec, { messages: [], atMs: this.platform.clock.now() });
    });
  }

  private async candidateDone(
    event: CandidateTrained | CandidateFailed,
    delivery: Delivery,
    change: Partial<CandidateState>,
  ): Promise<void> {
    await this.step(event.cycleId, delivery, async (unit, before, spec) => {
      if (before.phase !== 'Training') return;
      const cycle = updateCandidate(before, event.candidate, change);
      if (trainingIsOver(cycle)) await selectAndEvaluate(unit, cycle, spec, this.platform.clock.now());
      else saveCycle(unit, cycle);
    });
  }

  private async step(
    cycleId: string,
    delivery: Delivery,
    act: (unit: Unit, cycle: CycleState, spec: PipelineSpec) => Promise<void> | void,
  ): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const cycle = await loadCycle(unit, cycleId);
      if (cycle.phase === 'Finished') return;
      await act(unit, cycle, await this.policies.spec(unit, cycle.pipeline, cycle.generation));
    });
  }
}
