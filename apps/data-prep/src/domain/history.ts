import { psi, psiInterval, wilsonInterval, type PsiResult } from '@rondo/statistics';
import { finding, type Finding } from './finding.js';

/** Shape of one column of an accepted batch. */
export interface ColumnSummary {
  readonly column: string;
  readonly rows: number;
  readonly nulls: number;
  /** Distance between the 10 % and the 90 % quantile; 0 for words and times. */
  readonly spread: number;
  /** Inner edges (ascending) of the bins: deciles of a number, hours of a day for the event time; empty for words. */
  readonly edges: readonly number[];
  /** Rows per bin under those edges. */
  readonly bins: readonly number[];
}

/** Rows of a new batch under the edges of an earlier one. */
export interface ComparedColumn {
  readonly column: string;
  /** Per earlier batch, newest first: its summary and the new rows in its bins. */
  readonly against: readonly { readonly earlier: ColumnSummary; readonly bins: readonly number[] }[];
}

/** Above this a shift is worth a look (the customary "major" bound, Siddiqi 2006). */
const MAJOR_PSI = 0.25;
/** Above this no season explains it. */
const EXTREME_PSI = 1;
/** Factors between units that get mixed up: minutes and seconds, hours and minutes, thousands, miles and kilometres, feet and metres. */
const UNIT_FACTORS = [60, 1000, 3600, 24, 1.609344, 3.28084, 100, 2.54] as const;
/** In logarithms. Spreads of real data differ from week to week; only a large factor stands out against that. */
const SMALL_FACTOR_TOLERANCE = 0.05;
const LARGE_FACTOR_TOLERANCE = 0.35;
const LARGE_FACTOR = 10;
const BURST_RATIO = 4;
const BURST_SHARE = 0.05;
/** Of the intervals that findings tell; blocks are decided by the values, which real change moves far more than chance does. */
const CONFIDENCE = 0.95;

/**
 * What the batches accepted before make implausible: a column in another unit, a shift against every one of them, a burst of
 * NULLs, another time zone. Real change is the drift monitor's business; only what no season explains blocks.
 */
export function historyFindings(
  current: readonly ColumnSummary[],
  compared: readonly ComparedColumn[],
  eventTimeColumn: string,
): Finding[] {
  return compared.flatMap(({ column, against }) => {
    const summary = current.find((candidate) => candidate.column === column);
    if (!summary || against.length === 0) return [];
    const burst = nullBurst(
      summary,
      against.map(({ earlier }) => earlier),
    );
    const shifts = against
      .filter(({ bins }) => sum(bins) > 0)
      .map(({ earlier, bins }) => psi([...earlier.bins], [...bins]));
    const closest = shifts.every(({ sufficient }) => sufficient)
      ? shifts.toSorted((a, b) => a.value - b.value)[0]
      : undefined;
    const found =
      closest === undefined || closest.value < MAJOR_PSI
        ? []
        : [
            shiftFinding(
              summary,
              against.map(({ earlier }) => earlier),
              closest,
              eventTimeColumn,
            ),
          ];
    return burst ? [...found, burst] : found;
  });
}

function shiftFinding(
  summary: ColumnSummary,
  earlier: readonly ColumnSummary[],
  closest: PsiResult,
  eventTimeColumn: string,
): Finding {
  const { column } = summary;
  const { lower, upper } = psiInterval(closest, { confidence: CONFIDENCE });
  const sure = `${intervalWords(lower.toFixed(2), upper.toFixed(2))}, ${count(summary.rows)} rows`;
  const words = `PSI ${closest.value.toFixed(2)} (${sure}) against the closest of ${earlier.length} accepted batches`;
  if (column === eventTimeColumn) {
    return finding(
      'TIME_SHIFT',
      column,
      `the hours of the day moved: ${words}; another time zone?`,
      `PSI of the hour below ${MAJOR_PSI}`,
    );
  }
  const factor = unitFactor(earlier[0]!.spread, summary.spread);
  if (factor !== undefined) {
    const direction = summary.spread > earlier[0]!.spread ? 'larger' : 'smaller';
    return finding(
      'UNIT_CHANGE',
      column,
      `values are ${factor} times ${direction} than before; another unit? (${words})`,
      'the unit of the batches before',
    );
  }
  const severity = closest.value >= EXTREME_PSI ? 'blocking' : 'advisory';
  return finding('VALUE_SHIFT', column, `values moved: ${words}`, `PSI below ${EXTREME_PSI}`, { severity });
}

/** The known factor nearest to the ratio of the spreads, when it is near enough. */
function unitFactor(before: number, after: number): number | undefined {
  if (!(before > 0 && after > 0)) return undefined;
  const ratio = Math.max(before / after, after / before);
  const distanceTo = (factor: number): number => Math.abs(Math.log(ratio / factor));
  const nearest = UNIT_FACTORS.reduce((best, factor) => (distanceTo(factor) < distanceTo(best) ? factor : best));
  return distanceTo(nearest) <= (nearest < LARGE_FACTOR ? SMALL_FACTOR_TOLERANCE : LARGE_FACTOR_TOLERANCE)
    ? nearest
    : undefined;
}

function nullBurst(summary: ColumnSummary, earlier: readonly ColumnSummary[]): Finding | undefined {
  const share = (of: ColumnSummary): number => (of.rows === 0 ? 0 : of.nulls / of.rows);
  const most = earlier.reduce((worst, one) => (share(one) > share(worst) ? one : worst));
  const before = share(most);
  const now = share(summary);
  if (now <= before * BURST_RATIO || now - before <= BURST_SHARE) return undefined;
  const message = `${shareWords(summary)} of ${summary.column} is missing, at most ${shareWords(most)} in the ${earlier.length} batches before`;
  return finding('NULL_BURST', summary.column, message, 'as many missing values as before', { count: summary.nulls });
}

const count = (value: number): string => value.toLocaleString('en-US');
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
const intervalWords = (lower: string, upper: string): string => `${100 * CONFIDENCE} %: ${lower} to ${upper}`;

/** The share of missing values with its interval, as an estimate of that of such batches. */
function shareWords({ nulls, rows }: ColumnSummary): string {
  if (rows === 0) return 'nothing';
  const { lower, upper } = wilsonInterval(nulls, rows, CONFIDENCE);
  return `${percent(nulls / rows)} (${intervalWords(percent(lower), percent(upper))}; ${count(nulls)} of ${count(rows)} rows)`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
