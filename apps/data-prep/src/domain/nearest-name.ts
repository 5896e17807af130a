/** Levenshtein distance, two rows at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/** The candidate a person most likely meant, or undefined when none is close. Case, `_` and `-` do not count. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const plain = (text: string): string =>
    text
      .toLowerCase()
      .replaceAll(/[_\-\s]/g, '')
      .slice(0, 64);
  const wanted = plain(name);
  const ranked = candidates
    .map((candidate) => ({
      candidate,
      contained: contains(plain(candidate), wanted),
      distance: editDistance(plain(candidate), wanted),
    }))
    .sort(
      (a, b) =>
        Number(b.contained) - Number(a.contained) || a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1),
    );
  const best = ranked[0];
  return best && (best.contained || best.distance <= Math.max(1, Math.floor(wanted.length / 3)))
    ? best.candidate
    : undefined;
}

/** `arrival_delay` for `delay`: one name is a part of the other. */
function contains(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= 3 && (a.includes(b) || b.includes(a));
}
