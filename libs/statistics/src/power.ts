import { checkBetween, checkCount, invalid } from './checks.js';
import { normalCdf, normalQuantile } from './distributions.js';

/** A paired comparison that is still to be made; gains and margin in the unit of the metric. */
export interface PairedPlan {
  /** Standard deviation of the per-row differences, above 0. */
  readonly standardDeviation: number;
  /** True mean gain of the challenger that should be recognised; above -`margin`. */
  readonly trueGain: number;
  /** Loss that is tolerated, at least 0; 0 asks for superiority. */
  readonly margin: number;
  /** Two-sided confidence of the interval that decides, 0.95 by default. */
  readonly confidence?: number;
}

/**
 * Probability that the interval of `rows` paired rows lies wholly above -margin: Φ((gain + margin)·√rows/sd - z). Normal
 * approximation, from about 30 rows. Source: Julious (2004), Statistics in Medicine 23:1921.
 * @example pairedPower({ standardDeviation: 0.5, trueGain: 0.02, margin: 0.01, rows: 2000 }) // => 0.765258
 */
export function pairedPower(plan: PairedPlan & { readonly rows: number }): number {
  checkCount('rows', plan.rows, 1);
  const { effect, z } = checked(plan);
  return normalCdf(effect * Math.sqrt(plan.rows) - z);
}

/**
 * Fewest paired rows for {@link pairedPower} of at least `power` (default 0.8): ((z_confidence + z_power)·sd/(gain + margin))².
 * @example pairedRowsRequired({ standardDeviation: 0.5, trueGain: 0.02, margin: 0.01, power: 0.8 }) // => 2181
 */
export function pairedRowsRequired(plan: PairedPlan & { readonly power?: number }): number {
  const { power = 0.8 } = plan;
  checkBetween('power', power, 0, 1);
  const { effect, z } = checked(plan);
  return Math.max(1, Math.ceil((Math.max(0, z + normalQuantile(power)) / effect) ** 2));
}

function checked({ standardDeviation, trueGain, margin, confidence = 0.95 }: PairedPlan): {
  effect: number;
  z: number;
} {
  checkBetween('standardDeviation', standardDeviation, 0, Infinity);
  if (!(margin >= 0 && margin < Infinity)) throw invalid('margin', margin, 'must be a finite number, at least 0');
  checkBetween('trueGain', trueGain, -margin, Infinity);
  checkBetween('confidence', confidence, 0, 1);
  return { effect: (trueGain + margin) / standardDeviation, z: normalQuantile((1 + confidence) / 2) };
}

/**
 * Rows for McNemar's test (two-sided, level 1 - `confidence`) to find with the given power that one model is right on
 * `gainShare` more of all rows, when exactly one of the two is right on `discordantShare` of them:
 * (z_α·√d + z_β·√(d - g²))²/g². Source: Connor (1987), Biometrics 43:207.
 * @example mcnemarRowsRequired({ discordantShare: 0.1, gainShare: 0.02 }) // => 1960
 */
export function mcnemarRowsRequired(plan: {
  readonly discordantShare: number;
  readonly gainShare: number;
  readonly confidence?: number;
  readonly power?: number;
}): number {
  const { discordantShare, gainShare, confidence = 0.95, power = 0.8 } = plan;
  checkBetween('gainShare', gainShare, 0, 1);
  if (!(discordantShare >= gainShare && discordantShare <= 1))
    throw invalid('discordantShare', discordantShare, `must be from gainShare (${gainShare}) to 1`);
  checkBetween('confidence', confidence, 0, 1);
  checkBetween('power', power, 0, 1);
  const alpha = normalQuantile((1 + confidence) / 2) * Math.sqrt(discordantShare);
  const beta = normalQuantile(power) * Math.sqrt(discordantShare - gainShare * gainShare);
  return Math.ceil((Math.max(0, alpha + beta) / gainShare) ** 2);
}
