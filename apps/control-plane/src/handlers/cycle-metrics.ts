import type { DescMessage, Message } from '@bufbuild/protobuf';
import { Inject, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import {
  ApprovalClosedSchema,
  CycleStartedSchema,
  DecisionMadeSchema,
  type ApprovalClosed,
  type CycleFinished,
  type CycleStarted,
  type DecisionMade,
} from '@rondo/contracts';
import type { Stored } from '@rondo/journal';
import { PLATFORM, type Platform } from '@rondo/service';
import type { Telemetry } from '@rondo/telemetry';
import type { ApprovalState } from '../domain/approval.js';
import type { CycleState } from '../domain/cycle.js';
import type { ForecastState } from '../domain/forecast.js';
import type { PipelineState } from '../domain/pipeline.js';
import { APPROVAL } from '../use-cases/approvals.js';
import { CYCLE } from '../use-cases/cycles.js';
import { PIPELINE } from '../use-cases/pipelines.js';
import { FORECAST } from '../use-cases/scheduled-cycles.js';

const PAGE = 1000;
const PHASE_SECONDS = [1, 10, 60, 300, 900, 3600, 14_400, 86_400, 604_800];
const WAIT_SECONDS = [60, 300, 900, 3600, 14_400, 43_200, 86_400, 259_200];

/**
 * Metrics of decisions, cycles and approvals. What happened is counted when its event comes round, once among the replicas;
 * what is (active cycles, champions, newest forecasts, open approvals) is asked for at each scrape and the same from every replica.
 */
export class CycleMetrics implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly meters: ReturnType<typeof metersOf>;
  /** Cycles shown at the last scrape; one that left its phase is set to 0, because a series once shown stays. */
  private shown = new Map<string, { readonly pipeline: string; readonly phase: string }>();
  private stop = (): void => undefined;

  constructor(@Inject(PLATFORM) private readonly platform: Platform) {
    this.meters = metersOf(platform.telemetry);
  }

  onApplicationBootstrap(): void {
    this.stop = this.platform.telemetry.beforeScrape(() => this.refresh());
  }

  onApplicationShutdown(): void {
    this.stop();
  }

  /** Counts an event that happened at `atMs`. */
  async count(schema: DescMessage, message: Message, atMs: number): Promise<void> {
    if (schema === DecisionMadeSchema) {
      const { pipeline, verdict } = message as DecisionMade;
      this.meters.decisions.add(1, { pipeline, result: verdict });
    } else if (schema === CycleStartedSchema) {
      const { pipeline, trigger } = message as CycleStarted;
      this.meters.started.add(1, { pipeline, trigger });
    } else if (schema === ApprovalClosedSchema) {
      const { approvalId, decision } = message as ApprovalClosed;
      this.meters.approvals.add(1, { decision });
      const approval = await this.platform.journal.load<ApprovalState>(APPROVAL, approvalId);
      if (approval) this.meters.approvalWait.observe((atMs - approval.state.requestedAtMs) / 1000, {});
    }
  }

  /** Counts an end, and how long each phase of the cycle took. */
  countFinished({ pipeline, result: outcome }: CycleFinished, cycle: CycleState | undefined): void {
    this.meters.finished.add(1, { pipeline, outcome });
    for (const { phase, enteredAtMs, leftAtMs } of cycle?.phases ?? []) {
      if (leftAtMs === undefined) continue;
      this.meters.phaseSeconds.observe((leftAtMs - enteredAtMs) / 1000, { pipeline, phase, outcome });
    }
  }

  private async refresh(): Promise<void> {
    try {
      const now = this.platform.clock.now();
      const seen = new Map<string, { readonly pipeline: string; readonly phase: string }>();
      const active: string[] = [];
      for await (const { state: pipeline } of this.every<PipelineState>(PIPELINE)) {
        const labels = { pipeline: pipeline.name };
        this.meters.hasChampion.set(pipeline.champion ? 1 : 0, labels);
        const { championSinceMs } = pipeline;
        if (championSinceMs !== undefined) this.meters.modelAge.set((now - championSinceMs) / 1000, labels);
        this.meters.approvalsPending.set(0, labels);
        if (pipeline.activeCycleId) active.push(pipeline.activeCycleId);
      }
      // At the same time, so that the journal reads many with one request.
      await Promise.all(active.map((cycleId) => this.showCycle(cycleId, now, seen)));
      for (const [key, labels] of this.shown) {
        if (seen.has(key)) continue;
        this.meters.active.set(0, labels);
        this.meters.phaseAge.set(0, labels);
      }
      this.shown = seen;
      for await (const { state } of this.every<ForecastState>(FORECAST)) {
        const { pipeline, series, breachProbability } = state;
        const { value, lower, upper, n } = breachProbability;
        this.meters.breachProbability.set(value, { pipeline, series });
        this.meters.breachBound.set(lower, { pipeline, series, bound: 'lower' });
        this.meters.breachBound.set(upper, { pipeline, series, bound: 'upper' });
        if (n !== undefined) this.meters.origins.set(n, { pipeline, series });
      }
      await this.showApprovals();
    } catch (error) {
      this.platform.log.error('cycles cannot be measured', {}, error);
    }
  }

  private async showCycle(
    id: string,
    now: number,
    seen: Map<string, { pipeline: string; phase: string }>,
  ): Promise<void> {
    const cycle = (await this.platform.journal.load<CycleState>(CYCLE, id))?.state;
    if (!cycle || cycle.phase === 'Finished') return;
    const labels = { pipeline: cycle.pipeline, phase: cycle.phase };
    this.meters.active.set(1, labels);
    this.meters.phaseAge.set((now - (cycle.phases.at(-1)?.enteredAtMs ?? now)) / 1000, labels);
    seen.set(`${cycle.pipeline}/${cycle.phase}`, labels);
  }

  private async showApprovals(): Promise<void> {
    const open = new Map<string, number>();
    for await (const { state } of this.every<ApprovalState>(APPROVAL, { state: 'Open' })) {
      open.set(state.pipeline, (open.get(state.pipeline) ?? 0) + 1);
    }
    for (const [pipeline, count] of open) this.meters.approvalsPending.set(count, { pipeline });
  }

  private async *every<S>(kind: string, where?: Readonly<Record<string, string>>): AsyncGenerator<Stored<S>> {
    let pageToken: string | undefined;
    do {
      const page = await this.platform.journal.list<S>(kind, {
        limit: PAGE,
        ...(where && { where }),
        ...(pageToken !== undefined && { pageToken }),
      });
      yield* page.items;
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
  }
}

function metersOf(telemetry: Telemetry) {
  return {
    decisions: telemetry.counter('rondo_trigger_evaluations_total', 'Decisions, by verdict.', ['pipeline', 'result']),
    started: telemetry.counter('rondo_cycles_started_total', 'Cycles started.', ['pipeline', 'trigger']),
    finished: telemetry.counter('rondo_cycles_finished_total', 'Cycles finished.', ['pipeline', 'outcome']),
    phaseSeconds: telemetry.histogram(
      'rondo_phase_duration_seconds',
      'Time spent in a phase.',
      ['pipeline', 'phase', 'outcome'],
      PHASE_SECONDS,
    ),
    active: telemetry.gauge('rondo_cycles_active', 'Cycles under way.', ['pipeline', 'phase']),
    phaseAge: telemetry.gauge('rondo_cycle_phase_age_seconds', 'Age of the present phase.', ['pipeline', 'phase']),
    hasChampion: telemetry.gauge('rondo_pipeline_has_champion', '1 while a champion serves the pipeline.', [
      'pipeline',
    ]),
    modelAge: telemetry.gauge('rondo_model_age_seconds', 'Age of the champion.', ['pipeline']),
    breachProbability: telemetry.gauge(
      'rondo_forecast_breach_probability',
      'Probability that a series reaches its limit within the horizon, by the newest forecast.',
      ['pipeline', 'series'],
    ),
    breachBound: telemetry.gauge('rondo_forecast_breach_probability_bound', 'Bounds of its 80 % interval.', [
      'pipeline',
      'series',
      'bound',
    ]),
    origins: telemetry.gauge('rondo_forecast_origins', 'Past moments that share no step, on which it rests.', [
      'pipeline',
      'series',
    ]),
    approvalsPending: telemetry.gauge('rondo_approvals_pending', 'Approvals waiting for votes.', ['pipeline']),
    approvals: telemetry.counter('rondo_approvals_total', 'Approvals closed, by decision.', ['decision']),
    approvalWait: telemetry.histogram(
      'rondo_approval_wait_seconds',
      'Time from request to close of an approval.',
      [],
      WAIT_SECONDS,
    ),
  };
}
