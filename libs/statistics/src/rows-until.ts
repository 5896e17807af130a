const GROWTH_LIMIT = 1_000;

/**
 * The least number of rows, from `rows` upwards, at which `decided` holds if more of the same kept coming; null when not
 * within a thousand times as many. `decided` must stay true once it is.
 * @example rowsUntil(10, (rows) => rows >= 37) // => 37
 */
export function rowsUntil(rows: number, decided: (rows: number) => boolean): number | null {
  const start = Math.max(1, rows);
  if (decided(start)) return start;
  let below = start;
  let above = start;
  while (!decided(above)) {
    if (above >= start * GROWTH_LIMIT) return null;
    below = above;
    above = Math.min(2 * above, start * GROWTH_LIMIT);
  }
  while (above - below > 1) {
    const middle = Math.floor((below + above) / 2);
    if (decided(middle)) above = middle;
    else below = middle;
  }
  return above;
}
