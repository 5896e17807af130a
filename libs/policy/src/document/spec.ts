import { Duration } from './fields.js';
import type { ReadDocument, ReadSpec } from './schema.js';

/** What services work with: every duration field `x` becomes `xMs`, a number; everything is read-only. */
export type SpecOf<T> = T extends readonly (infer Item)[]
  ? readonly SpecOf<Item>[]
  : T extends object
    ? {
        readonly [Key in keyof T as Extract<T[Key], Duration> extends never ? Key : `${Key & string}Ms`]: Value<T[Key]>;
      }
    : T;
type Value<T> = T extends Duration ? number : SpecOf<T>;

/** An admitted pipeline: typed, frozen, complete. */
export type PipelineSpec = SpecOf<ReadSpec> & {
  /** Name of the pipeline. */
  readonly name: string;
  /** Texts of the files the document names, by the path it names them with. */
  readonly files: Readonly<Record<string, string>>;
};

/** Turns a read document and its files into the frozen value that services work with. */
export function specOf(document: ReadDocument, files: Readonly<Record<string, string>>): PipelineSpec {
  return freeze({
    ...(converted(document.spec) as SpecOf<ReadSpec>),
    name: document.metadata.name,
    files: { ...files },
  });
}

function converted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(converted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    entries.map(([key, item]) => (item instanceof Duration ? [`${key}Ms`, item.ms] : [key, converted(item)])),
  );
}

function freeze<T>(value: T): T {
  if (value !== null && typeof value === 'object') {
    Object.values(value).forEach(freeze);
    Object.freeze(value);
  }
  return value;
}
