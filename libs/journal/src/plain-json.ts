import { Defect } from '@rondo/kernel';

const DEPTH_MAX = 100;

/**
 * JSON text of a document's state. Throws a Defect naming the path of anything that JSON would change in silence: NaN,
 * Infinity, Date, Map, class instances, BigInt, functions. Absent (`undefined`) properties are left out.
 */
export function plainJsonText(state: unknown, name: string): string {
  check(state, name, 0);
  return JSON.stringify(state);
}

function check(value: unknown, path: string, depth: number): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Defect(`${path} is ${value}, which JSON cannot hold`);
    return;
  }
  if (typeof value !== 'object') throw new Defect(`${path} is a ${typeof value}, which JSON cannot hold`);
  if (depth > DEPTH_MAX) throw new Defect(`${path} is nested more than ${DEPTH_MAX} deep`);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) check(value[i], `${path}[${i}]`, depth + 1);
    return;
  }
  if (!isPlain(value)) throw new Defect(`${path} is a ${value.constructor?.name ?? 'class instance'}, not plain data`);
  for (const key in value) {
    const item = (value as Record<string, unknown>)[key];
    if (item !== undefined) check(item, `${path}.${key}`, depth + 1);
  }
}

/** Objects of other realms (worker messages, test sandboxes) count: their prototype is some Object.prototype. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
