import { CLUSTERS_MIN, clusterCount, pairedMeanDifference, sliceFeature } from '@rondo/statistics';
import type { CohortDifference, CohortRequest, Measurements, SmallCohort } from './measurement.js';

/** A t interval needs two rows. */
const ROWS_MIN = 2;

/**
 * Paired differences per cohort. The intervals hold for all judged cohorts at once (Bonferroni), because looking at fifty
 * groups one by one would accuse nearly every harmless model.
 * @param perRow challenger loss − champion loss, or null without a champion: then no cohort is judged
 * @param clusters a number per row, equal ones err together; null takes rows as independent
 */
export function compareCohorts(
  requests: readonly CohortRequest[],
  perRow: Float64Array | null,
  { confidence, clusters }: { readonly confidence: number; readonly clusters: Float64Array | null },
): Pick<Measurements, 'cohorts' | 'smallCohorts'> {
  if (!perRow) return { cohorts: [], smallCohorts: [] };
  const groups = requests.flatMap((request) => gather(request, perRow, clusters));
  const judged = groups.filter(
    ({ rows, minRows, effective = Infinity }) => rows >= Math.max(minRows, ROWS_MIN) && effective >= CLUSTERS_MIN,
  );
  const simultaneous = 1 - (1 - confidence) / Math.max(1, judged.length);
  const cohorts = judged.map(({ cohort, differences, clusters: own }): CohortDifference => {
    const options = { confidence: simultaneous, clusters: own };
    const { difference: value, lower, upper, rows } = pairedMeanDifference(differences, options);
    return { cohort, n: rows, difference: { value, lower, upper } };
  });
  cohorts.sort((a, b) => b.difference.value - a.difference.value || (a.cohort < b.cohort ? -1 : 1));
  const small = groups.filter((group) => !judged.includes(group));
  return {
    cohorts,
    smallCohorts: small.map(({ cohort, rows, minRows, effective }): SmallCohort => ({
      cohort,
      n: rows,
      minRows,
      ...(effective !== undefined && { clusters: effective }),
    })),
  };
}

interface Group {
  readonly cohort: string;
  readonly minRows: number;
  readonly rows: number;
  readonly differences: Float64Array;
  /** Of each row, and how many of equal size they are worth; undefined where rows are independent. */
  readonly clusters: Float64Array | undefined;
  readonly effective: number | undefined;
}

function gather({ by, values, minRows }: CohortRequest, perRow: Float64Array, clusters: Float64Array | null): Group[] {
  const { values: names, codes: of } = sliceFeature(by, values);
  const sizes = new Uint32Array(names.length);
  for (const index of of) sizes[index]!++;
  const differences = names.map((_, index) => new Float64Array(sizes[index]!));
  const own = clusters && names.map((_, index) => new Float64Array(sizes[index]!));
  const filled = new Uint32Array(names.length);
  of.forEach((index, row) => {
    const at = filled[index]!++;
    differences[index]![at] = perRow[row]!;
    if (own) own[index]![at] = clusters[row]!;
  });
  return names.flatMap((cohort, index) => {
    const rows = sizes[index]!;
    if (rows === 0) return [];
    const effective = own ? clusterCount(own[index]!).effective : undefined;
    return [{ cohort, minRows, rows, differences: differences[index]!, clusters: own?.[index], effective }];
  });
}
