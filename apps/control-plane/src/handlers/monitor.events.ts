import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { Inject } from '@nestjs/common';
import {
  DriftEvaluatedSchema,
  DriftState,
  ForecastIssuedSchema,
  PerformanceEvaluatedSchema,
  type DriftEvaluated,
  type ForecastIssued,
  type PerformanceEvaluated,
} from '@rondo/contracts';
import type { Delivery } from '@rondo/messaging';
import { BusController, causeOf, HandleEvent, PLATFORM, type Platform } from '@rondo/service';
import { actorFrom, forecastFrom, msOf } from '../contract-map.js';
import { decideEvent } from '../use-cases/decide-event.js';
import { loadPipeline } from '../use-cases/pipelines.js';
import { Policies } from '../use-cases/policies.js';
import { saveForecast } from '../use-cases/scheduled-cycles.js';
import { driftValues, performanceValues, type BoundedValue } from './monitor-values.js';

const dayOf = (time: Timestamp | undefined): string => new Date(msOf(time)).toISOString().slice(0, 10);

/** A value with its interval and, where the text does not say it elsewhere, its n; bounds that are missing are said to be. */
function withBounds(estimate: BoundedValue | undefined, digits: number, n?: number): string {
  if (!estimate) return 'unknown';
  const { value, lower, upper } = estimate;
  const bounds =
    lower === undefined || upper === undefined ? 'no interval' : `${lower.toFixed(digits)} to ${upper.toFixed(digits)}`;
  return `${value.toFixed(digits)} (${bounds}${n === undefined ? '' : `, n=${n}`})`;
}

/** What an evaluation that could not judge lacks. */
function needed(seen: {
  readonly state: string;
  readonly rowsNeeded: number;
  readonly referenceRows?: number;
}): string {
  if (seen.state !== 'insufficient' || seen.rowsNeeded === 0) return '';
  const against = seen.referenceRows ? `, reference ${seen.referenceRows}` : '';
  return ` (insufficient: ${seen.rowsNeeded} needed${against})`;
}

/** What drift-monitor measures is decided about like any other event. */
@BusController()
export class MonitorEvents {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(Policies) private readonly policies: Policies,
  ) {}

  @HandleEvent(DriftEvaluatedSchema)
  async onDrift(event: DriftEvaluated, delivery: Delivery): Promise<void> {
    const weighted = event.importanceWeighted;
    const usual = event.features.filter((feature) => feature.state === DriftState.SEASONAL).length;
    const explained = usual > 0 ? `, ${usual} more explained by the season` : '';
    const drift = driftValues(event);
    await this.platform.journal.once(causeOf(delivery), (unit) =>
      decideEvent(unit, this.policies, {
        pipeline: event.pipeline,
        on: 'DriftEvaluated',
        ledger: {
          ...this.entry('drift', event.evaluationId, delivery),
          summary: `drift ${drift.state}: ${event.featuresDetected} of ${event.features.length} features${explained}, importance-weighted PSI ${withBounds(weighted, 3)}, n=${drift.rows}${needed(drift)}`,
          eventTimeMs: msOf(event.window?.end),
          batchId: event.batchId,
        },
        values: { drift },
        actor: actorFrom(undefined),
        atMs: this.platform.clock.now(),
      }),
    );
  }

  @HandleEvent(PerformanceEvaluatedSchema)
  async onPerformance(event: PerformanceEvaluated, delivery: Delivery): Promise<void> {
    const metric = new Map(event.metrics.map((item) => [item.name, item]));
    const reference = new Map(event.referenceMetrics.map((item) => [item.name, item]));
    const excess = event.logLossExcessEstimate;
    const perf = performanceValues(event);
    const above = excess === undefined ? '' : `, excess ${withBounds(excess, 4, perf.logLossExcessN)}`;
    const against = (name: string): string =>
      `${withBounds(metric.get(name), 4)} (reference ${withBounds(reference.get(name), 4)})`;
    await this.platform.journal.once(causeOf(delivery), (unit) =>
      decideEvent(unit, this.policies, {
        pipeline: event.pipeline,
        on: 'PerformanceEvaluated',
        ledger: {
          ...this.entry('performance', event.evaluationId, delivery),
          summary: `champion v${event.model?.version ?? 0}: log loss ${against('logLoss')}, AUC ${against('rocAuc')}${above}, n=${perf.n}${needed(perf)}`,
          eventTimeMs: msOf(event.window?.end),
        },
        values: { perf },
        actor: actorFrom(undefined),
        atMs: this.platform.clock.now(),
      }),
    );
  }

  @HandleEvent(ForecastIssuedSchema)
  async onForecast(event: ForecastIssued, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const { champion } = await loadPipeline(unit, event.pipeline);
      const forecast = forecastFrom(event, champion);
      saveForecast(unit, forecast);
      const { series, limit, breachProbability, advisory } = forecast;
      const shownOnly = advisory === '' ? '' : ` (advisory: ${advisory})`;
      await decideEvent(unit, this.policies, {
        pipeline: event.pipeline,
        on: 'ForecastIssued',
        ledger: {
          ...this.entry('forecast', event.forecastId, delivery),
          summary: `forecast of ${series}: reaches ${limit} by ${dayOf(event.points.at(-1)?.at)} with probability ${withBounds(breachProbability, 2)}, skill ${withBounds({ value: forecast.skill, lower: forecast.skillLower, upper: forecast.skillUpper }, 2)}, n=${forecast.n}${shownOnly}`,
          eventTimeMs: msOf(event.madeFrom),
        },
        values: {},
        forecast,
        actor: actorFrom(undefined),
        atMs: this.platform.clock.now(),
      });
    });
  }

  private entry(kind: 'drift' | 'performance' | 'forecast', eventId: string, delivery: Delivery) {
    return { eventId, kind, source: 'rondo/drift-monitor', receivedAtMs: delivery.timeMs, findings: [] };
  }
}
