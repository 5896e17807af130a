import { CONTEXTS, type ExpressionContext } from '../expression/contexts.js';
import { LIMITS } from '../limits.js';
import { pipelineJsonSchema, type JsonSchema } from './json-schema.js';

/** Markdown that explains every field of the document and every variable of its expressions, from the schema itself. */
export function pipelineGuide(): string {
  const schema = pipelineJsonSchema();
  const lines = [
    '# The pipeline document',
    '',
    '<!-- Written by tools/write-policy-docs.mjs from the schema in libs/policy; edit the descriptions there. -->',
    '',
    `${schema.description} A complete one is in [examples/flight-delay](../examples/flight-delay/pipeline.yaml).`,
    '',
    'It is admitted as a whole or refused with every problem, each with its path, line and column. A field that is not listed',
    'here is an error. Durations are digits followed by `ms`, `s`, `m`, `h`, `d` or `w`. Policy time follows `spec.time`; where',
    'a line says "by the clock on the wall", people or machines wait, and the wall clock counts.',
    '',
    `Limits: ${LIMITS.documentBytes / 1024} KiB, ${LIMITS.documentDepth} levels, ${LIMITS.documentNodes} values, ${LIMITS.aliases} aliases; ` +
      'no duplicate keys, no merge keys, no custom tags, one document per file.',
    '',
    '## Fields',
    '',
    '| Field | Value | Meaning |',
    '|---|---|---|',
    ...rows(schema, ''),
    '',
    '## Expressions',
    '',
    'Expressions are [CEL](https://cel.dev). They are checked against the variables below when the document is admitted.',
    `At most ${LIMITS.expressionLength} characters and ${LIMITS.expressionNodes} parts; operators, \`in\`, \`has\`, \`double\`, \`int\`, \`size\`, \`startsWith\`,`,
    '`endsWith` and `contains`. A variable marked *may be absent* must be guarded: `has(x) && x > 1.0`.',
    ...Object.entries(CONTEXTS).flatMap(([context, groups]) => contextLines(context, groups)),
  ];
  return `${lines.join('\n')}\n`;
}

const USED_IN: Readonly<Record<string, string>> = {
  'trigger.batch': 'triggers on `BatchReady`',
  'trigger.drift': 'triggers on `DriftEvaluated`',
  'trigger.performance': 'triggers on `PerformanceEvaluated`',
  'trigger.forecast': 'triggers on `ForecastIssued`',
  gate: '`spec.evaluation.gates[].expr`',
  approval: '`spec.approvals`',
};

function contextLines(context: string, groups: ExpressionContext): string[] {
  const fields = Object.entries(groups).flatMap(([group, members]) =>
    Object.entries(members).map(([name, field]) => {
      const absent = field.optional ? ', may be absent' : '';
      const values = field.values ? `${field.values.map((value) => `"${value}"`).join(', ')}` : '';
      return `| \`${group}.${name}\` | ${field.type}${absent} | ${field.description}${values && ` One of ${values}.`} |`;
    }),
  );
  return ['', `### In ${USED_IN[context] ?? context}`, '', '| Variable | Type | Meaning |', '|---|---|---|', ...fields];
}

function rows(schema: JsonSchema, path: string, seen: Set<string> = new Set()): string[] {
  const own = alternatives(schema).flatMap((choice) =>
    Object.entries(choice.properties ?? {}).flatMap(([name, field]) => {
      const full = path === '' ? name : `${path}.${name}`;
      const row = `| \`${full}\` | ${valueOf(field)}${presence(choice, name, field)} | ${field.description ?? ''} |`;
      if (seen.has(row)) return [];
      seen.add(row);
      return [row, ...rows(field, full, seen)];
    }),
  );
  return schema.items ? [...own, ...rows(schema.items, `${path}[]`, seen)] : own;
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
}

function presence(parent: JsonSchema, name: string, field: JsonSchema): string {
  if (field.default !== undefined) return `; default \`${JSON.stringify(field.default)}\``;
  return parent.required?.includes(name) ? '' : '; optional';
}

function valueOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map(valueOf))].join(' or ');
  if (schema.pattern?.includes('(ms|s|m|h|d|w)')) return 'duration';
  if (schema.type === 'array') return `list of ${valueOf(schema.items ?? {})}`;
  if (schema.type === 'integer' || schema.type === 'number') return `${schema.type}${bounds(schema)}`;
  return schema.type === 'string' ? 'text' : schema.type === 'object' ? 'map' : String(schema.type ?? 'value');
}

function bounds(schema: JsonSchema): string {
  const above = schema.exclusiveMinimum === undefined ? '' : ` above ${String(schema.exclusiveMinimum)}`;
  const below = schema.exclusiveMaximum === undefined ? '' : ` below ${String(schema.exclusiveMaximum)}`;
  const from = schema.minimum === undefined ? '' : ` from ${String(schema.minimum)}`;
  const to = schema.maximum === undefined ? '' : ` to ${String(schema.maximum)}`;
  return `${from}${above}${to}${below}`;
}
