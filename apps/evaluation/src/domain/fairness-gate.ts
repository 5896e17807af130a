import { CLUSTERS_MIN, rowsToDecide, type GroupRates } from '@rondo/statistics';
import type { Gate, GateOutcome, Verdict } from './gates.js';
import { clusterShortage } from './cluster-shortage.js';
import type { FairnessMeasure, FairnessMeasurement, Measurements } from './measurement.js';
import { count, percent, shown } from './words.js';

/** Estimates of these names are gaps between groups, not differences to another model. */
const GAP_NAMES: Readonly<Record<FairnessMeasure, string>> = {
  DemographicParity: 'demographicParityGap',
  EqualisedOdds: 'equalisedOddsGap',
  EqualOpportunity: 'equalOpportunityGap',
};

const WORDS: Readonly<Record<FairnessMeasure, string>> = {
  DemographicParity: 'share of positive decisions',
  EqualisedOdds: 'true or false positive rate',
  EqualOpportunity: 'true positive rate',
};

/** What a fairness gate says, without the gate's own name and severity. */
export type FairnessRuling = Pick<GateOutcome, 'verdict' | 'explanation' | 'needsRows' | 'needsSlice'> &
  Pick<Partial<GateOutcome>, 'difference'>;

/**
 * Holds the whole interval of the gap against the limit: all of it within passes, none of it fails, anything else, and too few
 * rows in a group, is inconclusive and names the group that needs rows.
 */
export function judgeFairness(
  rule: NonNullable<Gate['fairness']>,
  measured: FairnessMeasurement,
  measurements: Pick<Measurements, 'clusters' | 'n'>,
): FairnessRuling {
  const { gap, names, groups, by, measure } = measured;
  if (gap.kind === 'insufficient') {
    const smallest = smallestGroup(measure, groups);
    const slice = smallest === undefined ? by : names[smallest.group]!;
    const shortage = clusterShortage(measurements);
    const { clusters } = measurements;
    const enough = clusters ? ` from ${CLUSTERS_MIN} clusters by ${clusters.by}` : '';
    const explanation = `fewer than two groups by ${by} have ${count(rule.minRows)} rows${enough} for their ${WORDS[measure]}`;
    if (!shortage) return { verdict: 'Inconclusive', explanation, needsRows: rule.minRows, needsSlice: slice };
    const { reason, needsRows } = shortage;
    return { verdict: 'Inconclusive', explanation: `${explanation}: ${reason}`, needsRows, needsSlice: 'all' };
  }
  const verdict: Verdict = gap.upper <= rule.maxGap ? 'Pass' : gap.lower > rule.maxGap ? 'Fail' : 'Inconclusive';
  const [high, low] = [names[gap.highest]!, names[gap.lowest]!];
  const needed =
    verdict === 'Inconclusive'
      ? rowsToDecide({
          gain: -gap.gap,
          bound: -rule.maxGap,
          halfWidth: (gap.upper - gap.lower) / 2,
          rows: gap.n,
          confidence: rule.confidence,
        })
      : null;
  const needsSlice = verdict === 'Inconclusive' ? rarerGroup(measure, groups, gap, names) : '';
  const interval = `${shown(gap.gap)} (${percent(rule.confidence)} interval ${shown(gap.lower)} to ${shown(gap.upper)}, n = ${count(gap.n)})`;
  const more = needed === null ? '' : `; about ${count(needed)} such rows of ${needsSlice} would decide`;
  return {
    verdict,
    explanation: `the ${WORDS[measure]} differs by ${interval} between ${high} and ${low}; tolerated is ${shown(rule.maxGap)}${more}`,
    needsRows: needed ?? 0,
    needsSlice,
    difference: {
      name: GAP_NAMES[measure],
      value: gap.gap,
      lower: gap.lower,
      upper: gap.upper,
      confidence: rule.confidence,
      n: gap.n,
      slice: by,
      method: `Newcombe, over all pairs of groups${measurements.clusters ? ', over clusters' : ''}`,
      limit: rule.maxGap,
    },
  };
}

/** Rows of a group behind the rate that is compared. */
function rowsBehind(measure: FairnessMeasure, group: GroupRates): number {
  if (measure === 'DemographicParity') return group.selectionRate?.n ?? 0;
  const positive = group.truePositiveRate?.n ?? 0;
  return measure === 'EqualOpportunity' ? positive : Math.min(positive, group.falsePositiveRate?.n ?? 0);
}

function smallestGroup(measure: FairnessMeasure, groups: readonly GroupRates[]): GroupRates | undefined {
  return [...groups].sort((a, b) => rowsBehind(measure, a) - rowsBehind(measure, b) || a.rows - b.rows)[0];
}

function rarerGroup(
  measure: FairnessMeasure,
  groups: readonly GroupRates[],
  { highest, lowest }: { readonly highest: number; readonly lowest: number },
  names: readonly string[],
): string {
  const two = groups.filter(({ group }) => group === highest || group === lowest);
  return names[smallestGroup(measure, two)!.group]!;
}
