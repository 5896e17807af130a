import { pairedMeanDifference, quantileEdges } from '@rondo/statistics';
import type { CohortDifference, CohortRequest, Measurements } from './measurement.js';

/** With more different values than this a feature is cut into quartiles. */
const VALUES_MAX = 12;
const QUARTILES = 4;
/** A t interval needs two rows. */
const ROWS_MIN = 2;

interface Cohorts {
  readonly names: readonly string[];
  /** Index of the cohort of each row. */
  readonly of: Uint8Array;
}

/** Cuts rows into cohorts by a feature: one per value, or quartiles of a feature with many; missing values are one more. */
export function cohortsOf(by: string, values: Float32Array): Cohorts {
  const distinct = distinctUpTo(values, VALUES_MAX);
  return distinct ? byValue(by, values, distinct) : byQuartile(by, values);
}

function distinctUpTo(values: Float32Array, most: number): number[] | undefined {
  const seen = new Set<number>();
  for (const value of values) {
    seen.add(value);
    if (seen.size > most) return undefined;
  }
  return [...seen].sort((a, b) => (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b));
}

/** Seven digits are all that a float32 has. */
const shown = (value: number): string => String(Number(value.toPrecision(7)));

function byValue(by: string, values: Float32Array, distinct: readonly number[]): Cohorts {
  const indexOf = new Map(distinct.map((value, index) => [value, index]));
  const names = distinct.map((value) => `${by}=${Number.isNaN(value) ? 'missing' : shown(value)}`);
  return { names, of: Uint8Array.from(values, (value) => indexOf.get(value)!) };
}

function byQuartile(by: string, values: Float32Array): Cohorts {
  const edges = quantileEdges(values.filter(Number.isFinite), QUARTILES);
  const missing = edges.length + 1;
  const names = Array.from({ length: missing }, (_, index) => {
    const [above, upTo] = [edges[index - 1], edges[index]];
    if (above === undefined) return upTo === undefined ? by : `${by} <= ${shown(upTo)}`;
    return upTo === undefined ? `${by} > ${shown(above)}` : `${shown(above)} < ${by} <= ${shown(upTo)}`;
  });
  const of = Uint8Array.from(values, (value) => {
    if (Number.isNaN(value)) return missing;
    const index = edges.findIndex((edge) => value <= edge);
    return index < 0 ? edges.length : index;
  });
  return { names: [...names, `${by}=missing`], of };
}

/**
 * Paired differences per cohort. The intervals hold for all judged cohorts at once (Bonferroni), because looking at fifty
 * groups one by one would accuse nearly every harmless model.
 * @param perRow challenger loss − champion loss, or null without a champion: then no cohort is judged
 */
export function compareCohorts(
  requests: readonly CohortRequest[],
  perRow: Float64Array | null,
  confidence: number,
): Pick<Measurements, 'cohorts' | 'smallCohorts'> {
  if (!perRow) return { cohorts: [], smallCohorts: [] };
  const groups = requests.flatMap((request) => gather(request, perRow));
  const judged = groups.filter(({ differences, minRows }) => differences.length >= Math.max(minRows, ROWS_MIN));
  const simultaneous = 1 - (1 - confidence) / Math.max(1, judged.length);
  const cohorts = judged.map(({ cohort, differences }): CohortDifference => {
    const { difference: value, lower, upper, rows } = pairedMeanDifference(differences, { confidence: simultaneous });
    return { cohort, n: rows, difference: { value, lower, upper } };
  });
  cohorts.sort((a, b) => b.difference.value - a.difference.value || (a.cohort < b.cohort ? -1 : 1));
  const small = groups.filter((group) => !judged.includes(group));
  return { cohorts, smallCohorts: small.map(({ cohort, differences }) => ({ cohort, n: differences.length })) };
}

interface Group {
  readonly cohort: string;
  readonly minRows: number;
  readonly differences: Float64Array;
}

function gather({ by, values, minRows }: CohortRequest, perRow: Float64Array): Group[] {
  const { names, of } = cohortsOf(by, values);
  const sizes = new Uint32Array(names.length);
  for (const index of of) sizes[index]!++;
  const groups = names.map((cohort, index) => ({ cohort, minRows, differences: new Float64Array(sizes[index]!) }));
  const filled = new Uint32Array(names.length);
  of.forEach((index, row) => (groups[index]!.differences[filled[index]!++] = perRow[row]!));
  return groups.filter(({ differences }) => differences.length > 0);
}
