import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { pipelineGuide } from './document/guide.js';
import { pipelineJsonSchema, type JsonSchema } from './document/json-schema.js';

const file = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

describe('what is generated from the schema', () => {
  it('is up to date: libs/policy/pipeline.schema.json', () => {
    expect(JSON.parse(file('libs/policy/pipeline.schema.json'))).toEqual(
      JSON.parse(JSON.stringify(pipelineJsonSchema())),
    );
  });

  it('is up to date: docs/pipeline-document.md', () => {
    expect(file('docs/pipeline-document.md')).toBe(pipelineGuide());
  });

  it('describes every field', () => {
    const undescribed = (schema: JsonSchema, path: string): string[] => [
      ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
        ...(field.description ? [] : [`${path}.${name}`]),
        ...undescribed(field, `${path}.${name}`),
      ]),
      ...(schema.items ? undescribed(schema.items, `${path}[]`) : []),
      ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap((choice) => undescribed(choice, path)),
    ];
    expect(undescribed(pipelineJsonSchema(), '')).toEqual([]);
  });
});
