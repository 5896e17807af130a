import type { Unit } from '@rondo/journal';
import { assert } from '@rondo/kernel';
import { actorFrom } from '../contract-map.js';
import { scheduleReached } from '../domain/pipeline.js';
import { decideEvent } from './decide-event.js';
import { findPipeline } from './pipelines.js';
import type { Policies } from './policies.js';
import { newestForecast } from './scheduled-cycles.js';

/**
 * The day of a scheduled cycle has come: an event of its own, decided by the newest forecast of the series and by everything
 * that may hold an automatic cycle back. A timer of a cycle that was moved or settled meanwhile does nothing.
 */
export async function startScheduled(
  unit: Unit,
  policies: Policies,
  due: { readonly pipeline: string; readonly forecastId: string; readonly atMs: number },
): Promise<void> {
  const pipeline = (await findPipeline(unit, due.pipeline))?.state;
  const scheduled = pipeline?.scheduled;
  if (scheduled?.forecastId !== due.forecastId) return;
  if (scheduled.time === 'EventTime' && !scheduleReached(pipeline!)) return;
  const forecast = await newestForecast(unit, due.pipeline, scheduled.series);
  assert(forecast, `a cycle of ${due.pipeline} is scheduled without a forecast`);
  await decideEvent(unit, policies, {
    pipeline: due.pipeline,
    on: 'ForecastIssued',
    ledger: {
      eventId: `${due.forecastId}/due`,
      kind: 'timer',
      summary: `the day trigger ${scheduled.trigger} chose by a forecast of ${scheduled.series} has come`,
      source: 'rondo/control-plane',
      eventTimeMs: scheduled.notBeforeMs,
      receivedAtMs: due.atMs,
      findings: [],
    },
    values: {},
    forecast,
    due: scheduled,
    actor: actorFrom(undefined),
    atMs: due.atMs,
  });
}
