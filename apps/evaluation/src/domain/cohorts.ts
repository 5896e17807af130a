import { pairedMeanDifference, sliceFeature } from '@rondo/statistics';
import type { CohortDifference, CohortRequest, Measurements } from './measurement.js';

/** A t interval needs two rows. */
const ROWS_MIN = 2;

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
  return {
    cohorts,
    smallCohorts: small.map(({ cohort, differences, minRows }) => ({ cohort, n: differences.length, minRows })),
  };
}

interface Group {
  readonly cohort: string;
  readonly minRows: number;
  readonly differences: Float64Array;
}

function gather({ by, values, minRows }: CohortRequest, perRow: Float64Array): Group[] {
  const { values: names, codes: of } = sliceFeature(by, values);
  const sizes = new Uint32Array(names.length);
  for (const index of of) sizes[index]!++;
  const groups = names.map((cohort, index) => ({ cohort, minRows, differences: new Float64Array(sizes[index]!) }));
  const filled = new Uint32Array(names.length);
  of.forEach((index, row) => (groups[index]!.differences[filled[index]!++] = perRow[row]!));
  return groups.filter(({ differences }) => differences.length > 0);
}
