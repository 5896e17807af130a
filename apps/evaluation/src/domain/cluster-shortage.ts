import { CLUSTERS_MIN } from '@rondo/statistics';
import type { Measurements, SmallCohort } from './measurement.js';
import { count, shown } from './words.js';

/** What is missing where rows come from too few clusters. */
export interface ClusterShortage {
  readonly reason: string;
  /** Rows that would probably bring clusters enough. */
  readonly needsRows: number;
}

/** Why rows of these clusters decide nothing, and the rows that would probably bring clusters enough; null where there are enough. */
export function clusterShortage({ clusters, n }: Pick<Measurements, 'clusters' | 'n'>): ClusterShortage | null {
  if (!clusters || clusters.effective >= CLUSTERS_MIN) return null;
  const { by, clusters: seen, effective } = clusters;
  const worth = effective < seen - 0.05 ? `, worth ${shown(effective)} of equal size` : '';
  const reason = `the rows come from ${count(seen)} clusters by ${by}${worth}; fewer than ${CLUSTERS_MIN} decide nothing`;
  return { reason, needsRows: Math.ceil((n * CLUSTERS_MIN) / effective) };
}

/** Rows of a single cluster tell nothing of how others would differ. */
export const isOneCluster = (clusters: Float64Array): boolean => clusters.every((cluster) => cluster === clusters[0]);

/** `about 12,000 rows`, and with clusters how many of them that is, since only more clusters bring more evidence. */
export function rowsText(needed: number, { clusters, n }: Pick<Measurements, 'clusters' | 'n'>, where = ''): string {
  const rows = `about ${count(needed)} rows${where}`;
  return clusters
    ? `${rows}, from ${count(Math.ceil((clusters.clusters * needed) / n))} clusters by ${clusters.by},`
    : rows;
}

/** Rows that would probably bring a cohort clusters enough; 0 where it has them, or rows are independent. */
export const rowsForClusters = ({ n, clusters }: SmallCohort): number =>
  clusters === undefined || clusters >= CLUSTERS_MIN ? 0 : Math.ceil((n * CLUSTERS_MIN) / clusters);
