const RELATIVE_TOLERANCE = 2 ** -52;
const ITERATIONS_MAX = 1_000;

/**
 * A root of `f` between `low` and `high`, where it changes sign, within `absoluteTolerance`: a step to the root of the line or
 * of the inverse parabola through the last points where that converges, otherwise to the middle.
 * Source: Brent (1973), Algorithms for Minimization without Derivatives, ch. 4; Forsythe, Malcolm & Moler (1977), ch. 7.
 */
export function brentRoot(f: (x: number) => number, low: number, high: number, absoluteTolerance: number): number {
  let [a, fa] = [low, f(low)];
  let [b, fb] = [high, f(high)];
  let [c, fc] = [a, fa];
  for (let i = 0; i < ITERATIONS_MAX; i++) {
    const before = b - a;
    if (Math.abs(fc) < Math.abs(fb)) [a, b, c, fa, fb, fc] = [b, c, b, fb, fc, fb];
    const tolerance = 2 * RELATIVE_TOLERANCE * Math.abs(b) + absoluteTolerance / 2;
    const half = (c - b) / 2;
    if (Math.abs(half) <= tolerance || fb === 0) return b;
    let step = half;
    if (Math.abs(before) >= tolerance && Math.abs(fa) > Math.abs(fb)) {
      const { p, q } = interpolated([a, fa], [b, fb], [c, fc]);
      if (p < 1.5 * half * q - Math.abs(tolerance * q) / 2 && p < Math.abs((before * q) / 2)) step = p / q;
    }
    if (Math.abs(step) < tolerance) step = step > 0 ? tolerance : -tolerance;
    [a, fa] = [b, fb];
    b += step;
    fb = f(b);
    if (fb > 0 === fc > 0) [c, fc] = [a, fa];
  }
  return b;
}

type Point = readonly [number, number];

/** The step p / q to the root of the line through two points, or of the inverse parabola through three; p >= 0. */
function interpolated([a, fa]: Point, [b, fb]: Point, [c, fc]: Point): { readonly p: number; readonly q: number } {
  const between = c - b;
  const s = fb / fa;
  const [u, r] = [fa / fc, fb / fc];
  const [p, q] =
    a === c ? [between * s, 1 - s] : [s * (between * u * (u - r) - (b - a) * (r - 1)), (u - 1) * (r - 1) * (s - 1)];
  return p > 0 ? { p, q: -q } : { p: -p, q };
}
