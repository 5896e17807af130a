/** `Pass` = no harm shown and non-inferior; `Fail` = harm shown; `Inconclusive` = hold. */
export type Verdict = 'Pass' | 'Fail' | 'Inconclusive';

/** A statistic with its interval and its n; a bound that does not exist yet is absent. */
export interface Estimate {
  readonly name: string;
  readonly value: number;
  readonly lower?: number;
  readonly upper?: number;
  /** Coverage of the interval in (0, 1). */
  readonly confidence: number;
  readonly n: number;
  readonly method: string;
  readonly limit?: number;
}

/** Candidate and champion within a slice. */
export interface SliceReading {
  readonly slice: string;
  /** Candidate - champion; the intervals of all slices hold at once. */
  readonly difference: Estimate;
  /** Anytime-valid evidence of harm beyond the margin. */
  readonly eValue: number;
  readonly harmed: boolean;
}

/** One look at all slices, judged together. */
export interface SliceReadings {
  /** Slices of the policy, those with enough labels to be judged, and those in which harm is shown. */
  readonly total: number;
  readonly checked: number;
  readonly harmed: number;
  readonly falseDiscoveryRate: number;
  readonly minSamples: number;
  /** Of those checked the ones with most evidence of harm, most first. */
  readonly worst: readonly SliceReading[];
}

/** One look at one analysis. */
export interface Reading {
  readonly analysis: string;
  readonly verdict: Verdict;
  readonly candidate?: Estimate;
  readonly champion?: Estimate;
  /** Candidate - champion. */
  readonly difference?: Estimate;
  /** Anytime-valid evidence of harm; harm is declared at 1 / alpha. */
  readonly eValue: number;
  readonly alpha: number;
  readonly looks: number;
  /** Samples the verdict rests on, in the unit that `minSamples` counts. */
  readonly samples: number;
  /** Samples so far where `samples` counts only those with mature labels. */
  readonly arrived?: number;
  readonly minSamples: number;
  /** What is counted, for the text: labels, rows, requests. */
  readonly unit: string;
  /** Further samples until the minimum, or until a verdict if the difference stays as it is; null when more alone will not decide. */
  readonly moreNeeded: number | null;
  readonly explanation: string;
  /** Of the analysis that looks at slices. */
  readonly slices?: SliceReadings;
}

/** Samples that came, by which is told that traffic goes on. */
export function arrivedOf({ arrived, samples }: Reading): number {
  return arrived ?? samples;
}
