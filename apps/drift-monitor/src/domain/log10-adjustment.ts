/**
 * Benjamini-Hochberg adjusted p-values in log10, for p-values that underflow a double. Rejecting those at or below
 * log10 q keeps the expected share of false rejections at q under independence or positive dependence.
 * Source: Benjamini & Hochberg (1995), JRSS B 57:289.
 */
export function benjaminiHochbergLog10(log10PValues: readonly number[]): number[] {
  const tests = log10PValues.length;
  const order = log10PValues.map((_, test) => test).sort((a, b) => log10PValues[a]! - log10PValues[b]!);
  const adjusted = new Array<number>(tests).fill(0);
  let lowest = 0;
  for (let rank = tests; rank >= 1; rank--) {
    const test = order[rank - 1]!;
    lowest = Math.min(lowest, log10PValues[test]! + Math.log10(tests / rank));
    adjusted[test] = lowest;
  }
  return adjusted;
}
