import { v5, v7 } from 'uuid';

/** Namespace of every name-based id that Rondo derives (UUIDv5 of `rondo.dev` in the DNS namespace). */
const NAMESPACE = v5('rondo.dev', v5.DNS);

/** Source of fresh ids; injected so that a replay produces the same ones. */
export interface Ids {
  next(): string;
}

/** Time-ordered random ids (UUIDv7). */
export const randomIds: Ids = { next: () => v7() };

/** The same parts always give the same id (UUIDv5); parts are length-prefixed, so ('a','bc') differs from ('ab','c'). */
export function idFrom(...parts: readonly string[]): string {
  return v5(parts.map((part) => `${part.length}:${part}`).join('|'), NAMESPACE);
}
