import { TimerFiredSchema } from '@rondo/contracts';
import type { Unit } from '@rondo/journal';
import { outgoing, timestamp } from '../contract-map.js';
import type { ForecastState } from '../domain/forecast.js';
import type { LedgerState } from '../domain/ledger.js';
import { scheduleReached, type PipelineState, type ScheduledCycle } from '../domain/pipeline.js';
import { known, record } from './ledger.js';

export const SCHEDULED_TIMER = 'scheduled-cycle';
/** Newest forecast of each series; id: {@link forecastDocumentId}. */
export const FORECAST = 'forecast';

export const forecastDocumentId = (pipeline: string, series: string): string => `${pipeline}/${series}`;

export function saveForecast(unit: Unit, forecast: ForecastState): void {
  const { pipeline, series } = forecast;
  unit.save<ForecastState>({
    kind: FORECAST,
    id: forecastDocumentId(pipeline, series),
    state: forecast,
    index: { pipeline },
  });
}

export async function newestForecast(unit: Unit, pipeline: string, series: string): Promise<ForecastState | undefined> {
  return (await unit.load<ForecastState>(FORECAST, forecastDocumentId(pipeline, series)))?.state;
}

const timerId = (pipeline: string): string => `${SCHEDULED_TIMER}/${pipeline}`;
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ') + 'Z';

/** Puts a cycle on its day. One that was on another day is moved: its forecast's fate is then that of the newer one. */
export async function schedule(
  unit: Unit,
  pipeline: PipelineState,
  next: ScheduledCycle,
  wallMs: number,
): Promise<PipelineState> {
  const before = pipeline.scheduled;
  if (before) {
    const explanation = `a newer forecast moved the start from ${day(before.notBeforeMs)} to ${day(next.notBeforeMs)}`;
    await settleForecast(unit, pipeline.name, before, { fate: 'Merged', reason: 'Rescheduled', explanation });
  }
  const { scheduleCancelled: _over, ...rest } = pipeline;
  const after = { ...rest, scheduled: next };
  armSchedule(unit, after, wallMs);
  return after;
}

/**
 * Has the timer fire when the day has come: at its moment by the wall clock, or as soon as the watermark is there. Until the
 * cycle is settled every later look sets the same timer again, which changes nothing.
 */
export function armSchedule(unit: Unit, pipeline: PipelineState, wallMs: number): void {
  const { scheduled, name } = pipeline;
  if (!scheduled || (scheduled.time === 'EventTime' && !scheduleReached(pipeline))) return;
  const atMs = scheduled.time === 'WallClock' ? Math.max(wallMs, scheduled.notBeforeMs) : wallMs;
  unit.schedule({
    id: timerId(name),
    atMs,
    outgoing: outgoing(TimerFiredSchema, {
      service: 'control-plane',
      timer: SCHEDULED_TIMER,
      subject: name,
      dueAt: timestamp(atMs),
      token: scheduled.forecastId,
      pipeline: name,
    }),
  });
}

type FinalFate = Pick<LedgerState, 'fate' | 'reason' | 'explanation' | 'cycleId'>;

/** Takes a scheduled cycle off its day and gives the forecast behind it its final fate. */
export async function settleSchedule(unit: Unit, pipeline: PipelineState, fate: FinalFate): Promise<PipelineState> {
  const { scheduled, ...rest } = pipeline;
  if (!scheduled) return pipeline;
  unit.cancelTimer(timerId(pipeline.name));
  await settleForecast(unit, pipeline.name, scheduled, fate);
  return rest;
}

async function settleForecast(
  unit: Unit,
  pipeline: string,
  { forecastId }: ScheduledCycle,
  fate: FinalFate,
): Promise<void> {
  const event = await known(unit, pipeline, 'forecast', forecastId);
  if (event) await record(unit, { ...event, ...fate });
}
