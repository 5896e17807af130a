import { Inject } from '@nestjs/common';
import {
  AbortRolloutSchema,
  FeedbackObservedSchema,
  LabelsObservedSchema,
  PipelineAppliedSchema,
  PredictionsLoggedSchema,
  StartRolloutSchema,
  TimerFiredSchema,
  type AbortRollout,
  type FeedbackObserved,
  type LabelsObserved,
  type PipelineApplied,
  type PredictionsLogged,
  type StartRollout as StartRolloutCommand,
  type TimerFired,
} from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import {
  BusController,
  causeOf,
  HandleEvent,
  PLATFORM,
  PolicyGenerations,
  type Delivery,
  type Platform,
} from '@rondo/service';
import { actorFrom, bundleFrom, feedbackFrom, labelsFrom, planFrom, servedBatchFrom } from '../contract-map.js';
import { FORGET_TIMER, LOOK_TIMER, SERVICE } from '../rollout-store.js';
import { ObserveServing, type Observed } from '../use-cases/observe-serving.js';
import { OverrideRollout } from '../use-cases/override-rollout.js';
import { StartRollout } from '../use-cases/start-rollout.js';

/** Messages in: commands of the control plane, served traffic and its outcomes, durable timers. */
@BusController()
export class RolloutEvents {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(PolicyGenerations) private readonly policies: PolicyGenerations,
    @Inject(StartRollout) private readonly startRollout: StartRollout,
    @Inject(OverrideRollout) private readonly overrides: OverrideRollout,
    @Inject(ObserveServing) private readonly observe: ObserveServing,
  ) {}

  @HandleEvent(PipelineAppliedSchema)
  async onPipelineApplied(event: PipelineApplied, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), (unit) => this.policies.keep(unit, event));
  }

  @HandleEvent(StartRolloutSchema)
  async onStartRollout(command: StartRolloutCommand, delivery: Delivery): Promise<void> {
    if (!command.candidate)
      throw new PermanentError('invalid', 'StartRollout names no candidate', {
        field: 'candidate',
        rule: 'required',
      });
    const generation = Number(command.policyGeneration);
    const spec = await this.policies.spec(this.platform.journal, command.pipeline, generation);
    const { pipeline, cycleId, idempotencyKey, candidate, champion, featureViewDigest } = command;
    const request = {
      pipeline,
      cycleId,
      idempotencyKey,
      policyGeneration: generation,
      plan: planFrom(spec),
      candidate: bundleFrom(candidate, featureViewDigest),
      ...(champion && champion.digest !== '' && { championDigest: champion.digest }),
    };
    await this.startRollout.execute(request, causeOf(delivery));
  }

  @HandleEvent(AbortRolloutSchema)
  async onAbortRollout(command: AbortRollout, delivery: Delivery): Promise<void> {
    const { cycleId, reason, actor } = command;
    await this.overrides.abort({ cycleId, reason: reason || 'aborted', actor: actorFrom(actor) }, causeOf(delivery));
  }

  @HandleEvent(PredictionsLoggedSchema)
  async onPredictionsLogged(message: PredictionsLogged, delivery: Delivery): Promise<void> {
    const batch = servedBatchFrom(message);
    if (batch) await this.observe.predictions(message.endpoint, batch, observed(delivery));
  }

  @HandleEvent(LabelsObservedSchema)
  async onLabelsObserved(message: LabelsObserved, delivery: Delivery): Promise<void> {
    await this.observe.labels(message.endpoint, labelsFrom(message), observed(delivery));
  }

  @HandleEvent(FeedbackObservedSchema)
  async onFeedbackObserved(message: FeedbackObserved, delivery: Delivery): Promise<void> {
    await this.observe.feedback(message.endpoint, feedbackFrom(message), observed(delivery));
  }

  @HandleEvent(TimerFiredSchema)
  async onTimerFired(timer: TimerFired, delivery: Delivery): Promise<void> {
    if (timer.service !== SERVICE) return;
    if (timer.timer === LOOK_TIMER) await this.observe.look(timer.subject, causeOf(delivery));
    if (timer.timer === FORGET_TIMER) await this.observe.forget(timer.subject, causeOf(delivery));
  }
}

function observed(delivery: Delivery): Observed {
  return { cause: causeOf(delivery), publishedMs: delivery.timeMs };
}
