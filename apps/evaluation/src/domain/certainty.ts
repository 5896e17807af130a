/** Corners of the intervals are tried in all combinations, 1,024 of so many values; an expression that reads more is never certain. */
const VALUES_MAX = 10;
const HALVINGS = 20;
/** Nearer than a tenth of a percent to the estimate, no number of rows would be worth naming. */
const SHRUNK_MIN = 0.03;

/** A value with its interval; a bound that is missing is not known to lie anywhere. */
export interface UncertainValue {
  readonly name: string;
  readonly value: number;
  readonly lower?: number;
  readonly upper?: number;
  /** A count: it is a whole number wherever it lies. */
  readonly whole?: boolean;
}

const lowerOf = ({ lower = -Number.MAX_VALUE }: UncertainValue): number => lower;
const upperOf = ({ upper = Number.MAX_VALUE }: UncertainValue): number => upper;

/** Whether an expression says the same for all values its estimates may have. */
export interface Certainty {
  readonly certain: boolean;
  /** Rows at which the intervals would probably be narrow enough; 0 when certain or beyond reach. */
  readonly needsRows: number;
}

/**
 * Evaluates an expression at the corners of the intervals of the estimates it read. It is certain when all corners agree with
 * the estimate itself. Intervals shrink with the root of the rows, so the rows that would do follow from the largest
 * common shrinking at which all corners agree.
 * @param holds the expression's value with these estimates replaced
 */
export function certaintyOf(
  estimates: readonly UncertainValue[],
  n: number,
  holds: (values: Readonly<Record<string, number>>) => boolean,
): Certainty {
  const uncertain = estimates.filter((one) => lowerOf(one) < one.value || upperOf(one) > one.value);
  if (uncertain.length > VALUES_MAX) return { certain: false, needsRows: 0 };
  const agreed = (shrunk: number): boolean => {
    const centre = holds(Object.fromEntries(uncertain.map(({ name, value }) => [name, value])));
    return corners(uncertain, shrunk).every((values) => holds(values) === centre);
  };
  if (agreed(1)) return { certain: true, needsRows: 0 };
  let [low, high] = [0, 1];
  for (let step = 0; step < HALVINGS; step++) {
    const middle = (low + high) / 2;
    if (agreed(middle)) low = middle;
    else high = middle;
  }
  return { certain: false, needsRows: low < SHRUNK_MIN ? 0 : Math.max(n + 1, Math.ceil(n / (low * low))) };
}

function corners(estimates: readonly UncertainValue[], shrunk: number): Record<string, number>[] {
  return Array.from({ length: 2 ** estimates.length }, (_, corner) =>
    Object.fromEntries(
      estimates.map((estimate, at) => {
        const { name, value, whole } = estimate;
        const end = (corner >> at) & 1 ? upperOf(estimate) : lowerOf(estimate);
        // Either factor alone: the distance to a bound that is missing would be infinite.
        const moved = value * (1 - shrunk) + end * shrunk;
        return [name, whole ? Math.round(moved) : moved];
      }),
    ),
  );
}
