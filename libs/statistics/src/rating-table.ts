import { checkFinite, checkSameLength, invalid, type Numbers } from './checks.js';
import { valueScale } from './value-scale.js';

/** How often each unit got each category: `counts[unit * categories + category]`. */
export interface RatingTable {
  readonly counts: Float64Array;
  readonly units: number;
  readonly categories: number;
}

/**
 * Counts labels given one by one. `possible` lists every category there is; without it those that occur are taken, in
 * ascending order.
 */
export function ratingTable(units: Numbers, values: Numbers, possible?: Numbers): RatingTable {
  checkFinite('units', units, 0);
  checkFinite('values', values, 0);
  checkSameLength('values', values, 'units', units);
  if (possible !== undefined) checkFinite('categories', possible, 1);
  const unit = valueScale(new Float64Array(units));
  const given = valueScale(new Float64Array(values));
  const scale = possible === undefined ? given.scale : Float64Array.from(new Set(Array.from(possible))).sort();
  const position = new Map(Array.from(scale, (value, i) => [value, i]));
  const column = Array.from(given.scale, (value) => {
    const found = position.get(value);
    if (found === undefined) throw invalid('values', value, 'must be one of categories');
    return found;
  });
  const counts = new Float64Array(unit.scale.length * scale.length);
  for (let i = 0; i < unit.index.length; i++) counts[unit.index[i]! * scale.length + column[given.index[i]!]!]!++;
  return { counts, units: unit.scale.length, categories: scale.length };
}
