import { checkAtLeast, checkBetween, checkNumber, invalid } from './checks.js';

/** Rows with `fromMs` <= time < `untilMs`; milliseconds since 1970. */
export interface TimeRange {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Training rows, then a gap whose rows nobody uses, then test rows. */
export interface TemporalSplit {
  readonly train: TimeRange;
  readonly test: TimeRange;
}

/** A stretch of time and how much of it is test and gap. */
export interface SplitPlan {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly testMs: number;
  /** Gap between training and test, at least as long as labels (or windowed features) look ahead; default 0. */
  readonly embargoMs?: number;
}

/**
 * Splits a stretch of time into training and the last `testMs` for testing, `embargoMs` apart, so that no label known
 * only later leaks into training. Refused when nothing is left to train on.
 * Source: López de Prado (2018), "Advances in Financial Machine Learning", ch. 7.
 * @example temporalSplit({ fromMs: 0, untilMs: 100, testMs: 20, embargoMs: 5 }) // => { train: { fromMs: 0, untilMs: 75 }, test: { fromMs: 80, untilMs: 100 } }
 */
export function temporalSplit(plan: SplitPlan): TemporalSplit {
  const { fromMs, untilMs, testMs, embargoMs = 0 } = plan;
  checkPlan(plan);
  const testFromMs = untilMs - testMs;
  if (testFromMs - embargoMs <= fromMs) throw invalid('testMs', testMs, 'leaves no time to train on');
  return { train: { fromMs, untilMs: testFromMs - embargoMs }, test: { fromMs: testFromMs, untilMs } };
}

/**
 * Splits for a backtest: test ranges of `testMs`, each `stepMs` (default `testMs`) after the one before, the last ending
 * at `untilMs`; each is trained on what lies before its embargo, all of it or the last `trainMs`. Oldest first; empty
 * when not even one fits. Source: Tashman (2000), International Journal of Forecasting 16:437.
 * @example rollingOrigin({ fromMs: 0, untilMs: 100, testMs: 20, trainMs: 40 }).map(({ train }) => train.fromMs) // => [0, 20, 40]
 */
export function rollingOrigin(
  plan: SplitPlan & { readonly trainMs?: number; readonly stepMs?: number },
): TemporalSplit[] {
  const { fromMs, untilMs, testMs, embargoMs = 0, trainMs, stepMs = testMs } = plan;
  checkPlan(plan);
  checkBetween('stepMs', stepMs, 0, Infinity);
  if (trainMs !== undefined) checkBetween('trainMs', trainMs, 0, Infinity);
  if ((untilMs - fromMs) / stepMs > MAX_SPLITS) throw invalid('stepMs', stepMs, `gives more than ${MAX_SPLITS} splits`);
  const splits: TemporalSplit[] = [];
  for (let testUntilMs = untilMs; ; testUntilMs -= stepMs) {
    const testFromMs = testUntilMs - testMs;
    const trainUntilMs = testFromMs - embargoMs;
    const trainFromMs = trainMs === undefined ? fromMs : trainUntilMs - trainMs;
    if (trainFromMs < fromMs || trainUntilMs <= trainFromMs) return splits.reverse();
    splits.push({
      train: { fromMs: trainFromMs, untilMs: trainUntilMs },
      test: { fromMs: testFromMs, untilMs: testUntilMs },
    });
  }
}

const MAX_SPLITS = 100_000;

function checkPlan({ fromMs, untilMs, testMs, embargoMs = 0 }: SplitPlan): void {
  checkNumber('fromMs', fromMs);
  checkNumber('untilMs', untilMs);
  if (untilMs <= fromMs) throw invalid('untilMs', untilMs, `must be after fromMs (${fromMs})`);
  checkBetween('testMs', testMs, 0, Infinity);
  checkAtLeast('embargoMs', embargoMs, 0);
}
