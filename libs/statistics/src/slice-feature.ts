import { checkCount, invalid, type Numbers } from './checks.js';
import { filled } from './filled.js';
import { quantileEdges } from './quantile-bins.js';

/** A column cut into values that slices are made of. */
export interface SliceFeature {
  readonly name: string;
  /** How each value reads, for example `dow=1`, `337 < distance <= 627` or `dow=missing`. */
  readonly values: readonly string[];
  /** Index into `values` per row. */
  readonly codes: Uint8Array;
}

const CODES_MAX = 255;

/**
 * Cuts a column into slices: one per value when there are at most `valuesMax` (default 12) different ones, in ascending
 * order, else `bins` (default 4) parts of about equally many rows between quantiles; NaN is `missing`, the last one.
 * Values are shown with seven significant digits. Infinite ones are values like others, in the outermost parts.
 * @example sliceFeature('dow', [2, NaN, 1, 2]).values // => ['dow=1', 'dow=2', 'dow=missing']
 */
export function sliceFeature(
  name: string,
  column: Numbers,
  options: { readonly valuesMax?: number; readonly bins?: number } = {},
): SliceFeature {
  const { valuesMax = 12, bins = 4 } = options;
  checkCount('valuesMax', valuesMax, 1);
  checkCount('bins', bins, 2);
  for (const [field, most] of Object.entries({ valuesMax, bins })) {
    if (most >= CODES_MAX) throw invalid(field, most, `must be below ${CODES_MAX}`);
  }
  if (column.length === 0) throw invalid('column', 0, 'needs at least 1 value');
  const distinct = distinctUpTo(column, valuesMax);
  return distinct === undefined ? byQuantile(name, column, bins) : byValue(name, column, distinct);
}

/**
 * The same where a kept profile says, so that slices of different samples are the same ones: parts between ascending
 * `edges`, or one slice per value of `values` and `other`. `missing` (not finite) is always there and the last one.
 * @example sliceFeatureAt('dow', [2, NaN, 1, 9], { values: [1, 2] }) // => { values: ['dow=1', 'dow=2', 'dow=other', 'dow=missing'], codes: [1, 3, 0, 2] }
 */
export function sliceFeatureAt(
  name: string,
  column: Numbers,
  at: { readonly edges: Numbers } | { readonly values: Numbers },
): SliceFeature {
  const [field, cuts] = 'edges' in at ? (['edges', at.edges] as const) : (['values', at.values] as const);
  if (cuts.length >= CODES_MAX - 1) throw invalid(field, cuts.length, `must be fewer than ${CODES_MAX - 1}`);
  for (let i = 0; i < cuts.length; i++) {
    if (!Number.isFinite(cuts[i]) || (i > 0 && cuts[i]! <= cuts[i - 1]!))
      throw invalid(`${field}[${i}]`, cuts[i], 'must be finite and above the one before');
  }
  const indexOf = new Map(Array.from(cuts, (value, index) => [value, index]));
  const parts =
    field === 'edges'
      ? partsBetween(name, cuts)
      : [...Array.from(cuts, (value) => `${name}=${shown(value)}`), `${name}=other`];
  const codes = filled(new Uint8Array(column.length), (row) => {
    const value = column[row]!;
    if (!Number.isFinite(value)) return parts.length;
    return field === 'edges' ? partOf(value, cuts) : (indexOf.get(value) ?? cuts.length);
  });
  return { name, values: [...parts, `${name}=missing`], codes };
}

function distinctUpTo(values: Numbers, most: number): number[] | undefined {
  const seen = new Set<number>();
  for (let row = 0; row < values.length; row++) {
    seen.add(values[row]!);
    if (seen.size > most) return undefined;
  }
  return [...seen].sort((a, b) => (Number.isNaN(a) ? 1 : Number.isNaN(b) ? -1 : a - b));
}

const shown = (value: number): string => String(Number(value.toPrecision(7)));

function byValue(name: string, column: Numbers, distinct: readonly number[]): SliceFeature {
  const indexOf = new Map(distinct.map((value, index) => [value, index]));
  const values = distinct.map((value) => `${name}=${Number.isNaN(value) ? 'missing' : shown(value)}`);
  return { name, values, codes: filled(new Uint8Array(column.length), (row) => indexOf.get(column[row]!)!) };
}

function byQuantile(name: string, column: Numbers, bins: number): SliceFeature {
  const edges = quantileEdges(finiteOf(column), bins);
  const parts = partsBetween(name, edges);
  const codes = filled(new Uint8Array(column.length), (row) =>
    Number.isNaN(column[row]) ? parts.length : partOf(column[row]!, edges),
  );
  return { name, values: codes.includes(parts.length) ? [...parts, `${name}=missing`] : parts, codes };
}

/** `filter` of a typed array gathers what it keeps in a list of boxed numbers first. */
function finiteOf(column: Numbers): Float64Array {
  const values = new Float64Array(column.length);
  let kept = 0;
  for (let row = 0; row < column.length; row++) if (Number.isFinite(column[row])) values[kept++] = column[row]!;
  return values.subarray(0, kept);
}

function partsBetween(name: string, edges: Numbers): string[] {
  return Array.from({ length: edges.length + 1 }, (_, index) => {
    const [above, upTo] = [edges[index - 1], edges[index]];
    if (above === undefined) return upTo === undefined ? name : `${name} <= ${shown(upTo)}`;
    return upTo === undefined ? `${name} > ${shown(above)}` : `${shown(above)} < ${name} <= ${shown(upTo)}`;
  });
}

function partOf(value: number, edges: Numbers): number {
  let part = 0;
  while (part < edges.length && value > edges[part]!) part++;
  return part;
}
