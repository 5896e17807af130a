import { canonicalJson, PermanentError } from '@rondo/kernel';
import { z } from 'zod';
import { readFiles } from './document/files.js';
import { fieldsAt } from './document/json-schema.js';
import { nearest } from './document/nearest.js';
import { pathText, type Path } from './document/path.js';
import type { Problem } from './document/problem.js';
import type { RuleBreach, ShapedSpec } from './document/rule-breach.js';
import { ruleBreaches } from './document/rules.js';
import { pipelineDocument, specBlocks, type PipelineDocument, type ReadDocument } from './document/schema.js';
import { specOf, type PipelineSpec } from './document/spec.js';
import { readYaml, type SourceDocument } from './document/yaml-source.js';
import { LIMITS } from './limits.js';

/** What an author hands in. */
export interface Submission {
  /** YAML or JSON text. */
  readonly document: string;
  /** Files the document names, by the path it names them with. */
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/** The document as a whole, or every reason why not. */
export type Admission =
  | {
      readonly ok: true;
      readonly spec: PipelineSpec;
      /** Canonical JSON of the document and its files: equal meaning, equal text. Read by {@link parseAdmitted}. */
      readonly bundle: string;
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads, checks and types a document with its files. Never throws on bad input; lists up to 100 problems by place. */
export function admitPipeline(submission: Submission): Admission {
  const reading = readYaml(submission.document);
  if (!reading.ok) return { ok: false, problems: reading.problems };
  const { source } = reading;
  const result = pipelineDocument.safeParse(source.value);
  const shaped = result.success ? result.data.spec : shapedBlocks(source.value);
  const files = readFiles(shaped.data, submission.files);
  const breaches = [
    ...(result.success ? [] : shapeBreaches(result.error, source.value)),
    ...ruleBreaches(shaped),
    ...files.breaches,
  ];
  if (breaches.length === 0 && result.success) {
    const spec = specOf(result.data, files.texts);
    return { ok: true, spec, bundle: canonicalJson({ document: source.value, files: files.texts }) };
  }
  return { ok: false, problems: located(breaches, source) };
}

const bundleShape = z.strictObject({ document: z.unknown(), files: z.record(z.string(), z.string()) });

function readBundle(bundle: string): { source: unknown; document: ReadDocument; files: Record<string, string> } {
  let json: unknown;
  try {
    json = JSON.parse(bundle);
  } catch (cause) {
    throw new PermanentError('data-loss', 'the stored pipeline is not JSON', {
      field: 'bundle',
      rule: 'canonical JSON',
      cause,
    });
  }
  const outer = bundleShape.safeParse(json);
  const inner = outer.success ? pipelineDocument.safeParse(outer.data.document) : undefined;
  if (outer.success && inner?.success)
    return { source: outer.data.document, document: inner.data, files: outer.data.files };
  const cause = outer.error ?? inner?.error;
  throw new PermanentError('data-loss', 'the stored pipeline does not fit the schema', {
    field: 'bundle',
    rule: 'admitted',
    cause,
  });
}

/** The spec of an admitted bundle. Throws PermanentError `data-loss` when the bundle was not made by this library. */
export function parseAdmitted(bundle: string): PipelineSpec {
  const { document, files } = readBundle(bundle);
  return specOf(document, files);
}

/** The document of an admitted bundle, as its author wrote it but for comments and order of keys. */
export function admittedDocument(bundle: string): PipelineDocument {
  return readBundle(bundle).source as PipelineDocument;
}

/** Paths of the files a document names, so that a client knows what to send; empty when it cannot be read. */
export function filesNamedBy(document: string): string[] {
  const reading = readYaml(document);
  const data = reading.ok ? blockOf(reading.source.value, 'data') : undefined;
  const shape = z.object({
    contract: z.object({ file: z.string() }),
    features: z.object({ sql: z.object({ file: z.string() }) }),
  });
  const result = shape.safeParse(data);
  return result.success ? [result.data.contract.file, result.data.features.sql.file] : [];
}

/** The pipeline a document is for, admitted or not; undefined when it cannot be read. */
export function pipelineNamedBy(document: string): string | undefined {
  const reading = readYaml(document);
  return z.object({ metadata: z.object({ name: z.string() }) }).safeParse(reading.ok ? reading.source.value : undefined)
    .data?.metadata.name;
}

/** Texts of an admitted bundle's files, by the path the document names them with. */
export function admittedFiles(bundle: string): Readonly<Record<string, string>> {
  return readBundle(bundle).files;
}

function blockOf(document: unknown, block: string): unknown {
  const spec = (document as { spec?: unknown } | null)?.spec;
  if (spec === null || typeof spec !== 'object' || !Object.hasOwn(spec, block)) return undefined;
  return (spec as Record<string, unknown>)[block];
}

/** Blocks whose shape is right, so that rules across fields are told together with shape problems elsewhere. */
function shapedBlocks(document: unknown): ShapedSpec {
  const blocks = Object.entries(specBlocks).map(([block, schema]) => [
    block,
    schema.safeParse(blockOf(document, block)).data,
  ]);
  return Object.fromEntries(blocks.filter(([, value]) => value !== undefined)) as ShapedSpec;
}

function shapeBreaches(error: z.ZodError, document: unknown): RuleBreach[] {
  return error.issues
    .flatMap((issue) => breachesOf(issue as z.core.$ZodIssue, []))
    .map((breach) => ({ ...breach, message: `${breach.message}${givenText(breach, document)}` }));
}

const SHOWN_CHARACTERS = 60;

/** The value that was given, where it is a single one and the message is about it. */
function givenText({ path, rule }: RuleBreach, document: unknown): string {
  const value = path.reduce<unknown>(
    (from, key) =>
      from !== null && typeof from === 'object' ? (from as Record<string | number, unknown>)[key] : undefined,
    document,
  );
  const isShown = rule !== 'known-field' && ['string', 'number', 'boolean'].includes(typeof value);
  return isShown ? `; it is ${JSON.stringify(value).slice(0, SHOWN_CHARACTERS)}` : '';
}

function breachesOf(issue: z.core.$ZodIssue, base: Path): RuleBreach[] {
  const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const known = fieldsAt(path).filter((field) => field !== key);
      const hint = nearest(key, known) || `; possible are ${known.join(', ')}`;
      return { path: [...path, key], rule: 'known-field', message: `there is no field ${key}${hint}` };
    });
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const closest = [...issue.errors].sort((a, b) => depthOf(b) - depthOf(a) || a.length - b.length)[0];
    return closest ? closest.flatMap((inner) => breachesOf(inner, path)) : [];
  }
  return [{ path, rule: issue.code.replaceAll('_', '-'), message: messageOf(issue) }];
}

function depthOf(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(...issues.map((issue) => issue.path.length));
}

function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.endsWith('received undefined'))
    return `is missing (${issue.expected})`;
  const text = issue.message.replace(/^Invalid input: /, '').replace(/^Too (small|big): /, '');
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function located(breaches: readonly RuleBreach[], source: SourceDocument): Problem[] {
  return breaches
    .map(({ path, message, rule }) => ({ path: pathText(path), message, ...source.place(path), rule }))
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .slice(0, LIMITS.problems);
}
