import { z } from 'zod';
import { pipelineDocument } from './schema.js';

/** A JSON Schema as far as this library looks into it. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly [keyword: string]: unknown;
}

let cached: JsonSchema | undefined;

/** JSON Schema (2020-12) of the document as authors write it; what needs several fields or CEL is checked at admission only. */
export function pipelineJsonSchema(): JsonSchema {
  cached ??= {
    $id: 'https://rondo.dev/schemas/pipeline.v1alpha1.json',
    title: 'Pipeline',
    ...(z.toJSONSchema(pipelineDocument, { io: 'input', target: 'draft-2020-12' }) as JsonSchema),
  };
  return cached;
}

/** Names of the fields that may stand at the path, over all alternatives. */
export function fieldsAt(path: readonly PropertyKey[]): string[] {
  let schemas: JsonSchema[] = [pipelineJsonSchema()];
  for (const part of path)
    schemas = schemas
      .flatMap(alternatives)
      .map((schema) => (typeof part === 'number' ? schema.items : schema.properties?.[String(part)]))
      .filter((schema) => schema !== undefined);
  return [...new Set(schemas.flatMap(alternatives).flatMap((schema) => Object.keys(schema.properties ?? {})))];
}

function alternatives(schema: JsonSchema): JsonSchema[] {
  return [schema, ...(schema.anyOf ?? []).flatMap(alternatives), ...(schema.oneOf ?? []).flatMap(alternatives)];
}
