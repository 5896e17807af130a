import type { Duration } from './fields.js';
import type { Path } from './path.js';
import type { ReadSpec } from './schema.js';

/** A broken rule that spans several fields. */
export interface RuleBreach {
  readonly path: Path;
  readonly message: string;
  readonly rule: string;
}

/** The blocks that have the right shape; rules about an ill-shaped block wait until it is right. */
export type ShapedSpec = Partial<ReadSpec>;

/** Notes a breach at a path below `spec`. */
export type Refuse = (path: Path, rule: string, message: string) => void;

/** Refuses names that are given twice. */
export function unique(items: readonly { readonly name: string }[], path: Path, refuse: Refuse): void {
  const seen = new Set<string>();
  items.forEach(({ name }, index) => {
    if (seen.has(name)) refuse([...path, index, 'name'], 'unique-name', `the name ${name} is given twice`);
    seen.add(name);
  });
}

/** Columns of the feature rows that already mean something. */
export function rolesOf({
  features: { key, eventTime, reviewReason, columns },
}: ReadSpec['data']): (string | undefined)[] {
  return [key, eventTime, reviewReason, ...columns];
}

/** A duration in a message. */
export function days(duration: Pick<Duration, 'ms'>): string {
  return `${duration.ms / 86_400_000} d`;
}
