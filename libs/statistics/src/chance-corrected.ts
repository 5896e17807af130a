import { checkBetween, type Numbers } from './checks.js';
import { tQuantile } from './distributions.js';
import { ratingTable, type RatingTable } from './rating-table.js';

/** How much credit a pair of categories gets: only equal ones, or the closer the more. */
export type AgreementWeights = 'identity' | 'linear' | 'quadratic' | 'ordinal';

/** What chance-corrected agreement takes besides the labels. */
export interface AgreementOptions {
  readonly weights?: AgreementWeights;
  /** Every category that could have been given; by default those that were. */
  readonly categories?: Numbers;
  /** Coverage of the interval, 0.95 by default. */
  readonly confidence?: number;
}

/** Agreement beyond chance with its interval, or why it is undefined. */
export type ChanceCorrectedResult =
  | {
      readonly kind: 'measured';
      /** 1 perfect, 0 as by chance. */
      readonly coefficient: number;
      readonly observedAgreement: number;
      readonly chanceAgreement: number;
      readonly standardError: number;
      readonly lower: number;
      readonly upper: number;
      /** Units with at least one label, and those of them with two or more. */
      readonly units: number;
      readonly pairedUnits: number;
    }
  | { readonly kind: 'insufficient'; readonly reason: 'no-unit-labelled-twice' | 'one-value' | 'one-unit' };

/**
 * Gwet's AC1 (identity weights) and AC2 (other weights) for any number of annotators with missing labels, one entry per
 * label. Chance agreement is T/(q(q - 1))·Σ π(1 - π), so it does not collapse when one category is frequent, as kappa
 * does. Standard error over units by linearisation, interval by t with units - 1 degrees of freedom, cut at -1 and 1.
 * Source: Gwet (2008), Br. J. Math. Stat. Psychol. 61:29; Gwet (2014), Handbook of Inter-Rater Reliability, ch. 5.
 * @example gwetAgreement([0, 0, 1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 1, 2, 2, 2]) // => { kind: 'measured', coefficient: 0.529412, units: 4 }
 */
export function gwetAgreement(units: Numbers, values: Numbers, options: AgreementOptions = {}): ChanceCorrectedResult {
  return corrected(units, values, options, (shares, weights) => {
    const { categories } = weights;
    let total = 0;
    for (const weight of weights.matrix) total += weight;
    const factor = total / (categories * (categories - 1));
    return shares.map((share) => factor * (1 - share));
  });
}

/**
 * Fleiss' kappa, generalised to weights, missing labels and a varying number of annotators; chance agreement is
 * Σ w π π. Equal to the classic value when every unit has the same number of labels. Interval as for
 * {@link gwetAgreement}. Source: Fleiss (1971), Psychological Bulletin 76:378; Gwet (2014), ch. 5.
 * @example fleissKappa([0, 0, 1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 1, 2, 2, 2]) // => { kind: 'measured', coefficient: 0.466667, units: 4 }
 */
export function fleissKappa(units: Numbers, values: Numbers, options: AgreementOptions = {}): ChanceCorrectedResult {
  return corrected(units, values, options, (shares, { matrix, categories }) =>
    shares.map((_, k) => {
      let sum = 0;
      for (let l = 0; l < categories; l++) sum += matrix[k * categories + l]! * shares[l]!;
      return sum;
    }),
  );
}

interface WeightMatrix {
  readonly matrix: Float64Array;
  readonly categories: number;
}

/** Chance agreement is Σ share · chanceOf(share), and the same chances serve each unit's own share in the variance. */
function corrected(
  units: Numbers,
  values: Numbers,
  { weights: kind = 'identity', categories: possible, confidence = 0.95 }: AgreementOptions,
  chanceOf: (shares: Float64Array, weights: WeightMatrix) => Float64Array,
): ChanceCorrectedResult {
  checkBetween('confidence', confidence, 0, 1);
  const table = ratingTable(units, values, possible);
  const agreement = agreementPerUnit(table, kind);
  if (agreement.pairedUnits === 0) return { kind: 'insufficient', reason: 'no-unit-labelled-twice' };
  if (table.categories < 2) return { kind: 'insufficient', reason: 'one-value' };
  if (table.units < 2) return { kind: 'insufficient', reason: 'one-unit' };
  const { shares, pairedUnits, paired, perUnit, observedAgreement, weights } = agreement;
  const chances = chanceOf(shares, weights);
  const chanceAgreement = shares.reduce((sum, share, k) => sum + share * chances[k]!, 0);
  if (chanceAgreement >= 1) return { kind: 'insufficient', reason: 'one-value' };
  const coefficient = (observedAgreement - chanceAgreement) / (1 - chanceAgreement);
  const n = table.units;
  let squares = 0;
  for (let u = 0; u < n; u++) {
    const own = paired[u]! ? ((n / pairedUnits) * (perUnit[u]! - chanceAgreement)) / (1 - chanceAgreement) : 0;
    let chance = 0;
    for (let k = 0; k < table.categories; k++) chance += agreement.unitShares[u * table.categories + k]! * chances[k]!;
    const linear = own - (2 * (1 - coefficient) * (chance - chanceAgreement)) / (1 - chanceAgreement);
    squares += (linear - coefficient) ** 2;
  }
  const standardError = Math.sqrt(squares / (n * (n - 1)));
  const halfWidth = tQuantile((1 + confidence) / 2, n - 1) * standardError;
  return {
    kind: 'measured',
    coefficient,
    observedAgreement,
    chanceAgreement,
    standardError,
    lower: Math.max(-1, coefficient - halfWidth),
    upper: Math.min(1, coefficient + halfWidth),
    units: n,
    pairedUnits,
  };
}

function agreementPerUnit({ counts, units, categories }: RatingTable, kind: AgreementWeights) {
  const weights = weightMatrix(kind, categories);
  const shares = new Float64Array(categories);
  const unitShares = new Float64Array(units * categories);
  const perUnit = new Float64Array(units);
  const paired = new Uint8Array(units);
  let pairedUnits = 0;
  let agreement = 0;
  for (let u = 0; u < units; u++) {
    const row = counts.subarray(u * categories, (u + 1) * categories);
    const labels = row.reduce((sum, count) => sum + count, 0);
    for (let k = 0; k < categories; k++) {
      unitShares[u * categories + k] = row[k]! / labels;
      shares[k]! += row[k]! / labels / units;
    }
    if (labels < 2) continue;
    paired[u] = 1;
    pairedUnits++;
    let credit = 0;
    for (let k = 0; k < categories; k++) {
      let near = 0;
      for (let l = 0; l < categories; l++) near += weights.matrix[k * categories + l]! * row[l]!;
      credit += row[k]! * (near - 1);
    }
    perUnit[u] = credit / (labels * (labels - 1));
    agreement += perUnit[u]!;
  }
  const observedAgreement = pairedUnits === 0 ? 0 : agreement / pairedUnits;
  return { weights, shares, unitShares, perUnit, paired, pairedUnits, observedAgreement };
}

/** Distances of categories by their position in ascending order. */
function weightMatrix(kind: AgreementWeights, categories: number): WeightMatrix {
  const matrix = new Float64Array(categories * categories);
  const furthest = Math.max(1, categories - 1);
  const pairs = (size: number): number => (size * (size - 1)) / 2;
  for (let k = 0; k < categories; k++) {
    for (let l = 0; l < categories; l++) {
      const steps = Math.abs(k - l);
      const apart = {
        identity: steps === 0 ? 0 : 1,
        linear: steps / furthest,
        quadratic: (steps / furthest) ** 2,
        ordinal: pairs(steps + 1) / pairs(furthest + 1),
      }[kind];
      matrix[k * categories + l] = 1 - apart;
    }
  }
  return { matrix, categories };
}
