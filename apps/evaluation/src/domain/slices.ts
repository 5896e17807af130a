import { searchSlices, sliceFeature } from '@rondo/statistics';
import { isOneCluster } from './cluster-shortage.js';
import type { SliceFindings, SliceRequest } from './measurement.js';

/** Slices shown in a report; more than a person looks at would hide the worst. */
const SLICES_SHOWN = 10;

/**
 * Searches the slices of all features for harm: rows on which the challenger loses to the champion or, without one, loses
 * more than on all other rows. Heavy with three conditions and many features: call it from a worker.
 */
export function findSlices(
  { depth, minRows, falseDiscoveryRate, columns }: SliceRequest,
  losses: {
    /** Challenger loss − champion loss per row; null without a champion. */
    readonly againstChampion: Float64Array | null;
    readonly ofChallenger: Float64Array;
  },
  clusters: Float64Array | undefined,
): SliceFindings {
  const features = columns
    .map(({ name, values }) => sliceFeature(name, values))
    .filter(({ values }) => values.length > 1);
  const against = losses.againstChampion ? 'champion' : 'rest';
  if (features.length === 0 || (clusters && isOneCluster(clusters)))
    return { against, tested: 0, harmed: [], suspect: null };
  const { slices, suspect, tested } = searchSlices(features, losses.againstChampion ?? losses.ofChallenger, {
    depth: depth === 1 || depth === 3 ? depth : 2,
    minRows,
    falseDiscoveryRate,
    against: losses.againstChampion ? 0 : 'rest',
    limit: SLICES_SHOWN,
    clusters,
  });
  return { against, tested, harmed: slices, suspect };
}
