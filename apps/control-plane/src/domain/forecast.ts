/** The newest forecast of a series, as far as decisions and the API need it. */
export interface ForecastState {
  readonly pipeline: string;
  readonly forecastId: string;
  /** For example `perf.logLoss`. */
  readonly series: string;
  readonly limit: number;
  readonly lastValue: number;
  readonly endValue: number;
  readonly skill: number;
  /** Bounds of the skill; absent where past origins are too few to give any. */
  readonly skillLower?: number;
  readonly skillUpper?: number;
  readonly method: string;
  readonly n: number;
  readonly breachProbability: {
    readonly value: number;
    readonly lower: number;
    readonly upper: number;
    /** Past origins that share no step; absent in forecasts kept before it was. */
    readonly n?: number;
  };
  /** Policy time by which a tenth and half of the possible futures have reached the limit. */
  readonly breachEarliestMs?: number;
  readonly breachExpectedMs?: number;
  /** Why nothing may act on it; empty when something may. */
  readonly advisory: '' | 'no-skill' | 'change-point' | 'champion-changed';
}

const DAY_MS = 86_400_000;

/** What a trigger may read of a forecast at a moment of policy time; lead times are never below 0. */
export function forecastValues(
  forecast: ForecastState,
  nowMs: number,
): Readonly<Record<string, string | number | boolean | undefined>> {
  const {
    series,
    limit,
    lastValue,
    endValue,
    skill,
    skillLower,
    skillUpper,
    method,
    n,
    breachProbability,
    breachEarliestMs,
    breachExpectedMs,
    advisory,
  } = forecast;
  const daysTo = (atMs: number | undefined): number | undefined =>
    atMs === undefined ? undefined : Math.max(0, atMs - nowMs) / DAY_MS;
  return {
    series,
    limit,
    lastValue,
    endValue,
    skill,
    skillLower,
    skillUpper,
    method,
    n,
    probBreach: breachProbability.value,
    probBreachLower: breachProbability.lower,
    probBreachUpper: breachProbability.upper,
    leadDays: daysTo(breachExpectedMs),
    earliestLeadDays: daysTo(breachEarliestMs),
    advisory: advisory !== '',
  };
}
