import { PermanentError, parseDurationMs } from '@rondo/kernel';
import { readYaml } from '@rondo/policy';
import { z } from 'zod';
import type { AmountRule, BatchContract, ColumnRule, ColumnType } from '../domain/contract.js';

const bound = z.number().refine(Number.isFinite, 'finite');
const severity = z.enum(['error', 'warning', 'info']).default('error');
const quality = z.looseObject({
  metric: z.enum(['nullValues', 'rowCount', 'duplicateValues']),
  severity,
  unit: z.enum(['rows', 'percent']).default('rows'),
  arguments: z.looseObject({ properties: z.array(z.string()).min(1) }).optional(),
  mustBe: bound.optional(),
  mustBeGreaterThan: bound.optional(),
  mustBeGreaterOrEqualTo: bound.optional(),
  mustBeLessThan: bound.optional(),
  mustBeLessOrEqualTo: bound.optional(),
  mustBeBetween: z.tuple([bound, bound]).optional(),
});
const property = z.looseObject({
  name: z.string().min(1).max(128),
  logicalType: z.enum(['string', 'date', 'timestamp', 'number', 'integer', 'boolean']),
  physicalType: z.string().max(64).default(''),
  required: z.boolean().default(false),
  unique: z.boolean().default(false),
  logicalTypeOptions: z
    .strictObject({
      minimum: bound.optional(),
      maximum: bound.optional(),
      minLength: z.int().min(0).optional(),
      maxLength: z.int().min(0).optional(),
      pattern: z.string().max(500).optional(),
    })
    .default({}),
  customProperties: z.array(z.looseObject({ property: z.string(), value: z.unknown() })).default([]),
  quality: z.array(quality).default([]),
});
const document = z.looseObject({
  apiVersion: z.string().regex(/^v3\./),
  kind: z.literal('DataContract'),
  id: z.string().min(1),
  version: z.string().min(1),
  schema: z
    .array(z.looseObject({ properties: z.array(property).min(1).max(500), quality: z.array(quality).default([]) }))
    .length(1),
  slaProperties: z
    .array(z.looseObject({ property: z.string(), value: z.unknown(), unit: z.string().optional() }))
    .default([]),
});

type Property = z.output<typeof property>;
type Quality = z.output<typeof quality>;

/**
 * Reads an Open Data Contract Standard 3.x document with one table. Checks that this reader does not know are refused rather
 * than passed over: a contract that is only half enforced is worse than none.
 * @throws PermanentError `invalid` naming the path
 */
export function readContract(text: string): BatchContract {
  const reading = readYaml(text);
  if (!reading.ok) throw unsupported('', reading.problems[0]?.message ?? 'cannot be read');
  const parsed = document.safeParse(reading.source.value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw unsupported(issue.path.map(String).join('.'), issue.message);
  }
  const table = parsed.data.schema[0]!;
  const columns = table.properties.map(columnRule);
  const known = new Set(columns.map(({ name }) => name));
  if (known.size !== columns.length) throw unsupported('schema.0.properties', 'a column is described twice');
  const amounts = [
    ...table.properties.flatMap((own) => own.quality.map((rule) => amountRule(rule, [own.name]))),
    ...table.quality.map((rule) => amountRule(rule, [])),
  ];
  const stray = amounts.flatMap((rule) => rule.columns).find((name) => !known.has(name));
  if (stray !== undefined) throw unsupported('schema.0.quality', `the column ${stray} is not described`);
  const latency = parsed.data.slaProperties.find((sla) => sla.property === 'latency');
  return {
    id: parsed.data.id,
    version: parsed.data.version,
    columns,
    amounts,
    ...(latency && { coverageMs: slaMs(latency) }),
  };
}

function unsupported(path: string, why: string): PermanentError {
  return new PermanentError('invalid', `data contract${path && `, ${path}`}: ${why}`, {
    field: path || 'contract',
    rule: 'an ODCS 3 contract with one table and checks of null values, duplicates and row count',
    reason: 'CONTRACT_UNSUPPORTED',
  });
}

const INTEGER = /^(TINY|SMALL|BIG|HUGE|U)?(INT|INTEGER|TINYINT|SMALLINT|BIGINT)\b/i;

function columnType({ logicalType, physicalType }: Property): ColumnType {
  switch (logicalType) {
    case 'string':
      return 'VARCHAR';
    case 'boolean':
      return 'BOOLEAN';
    case 'date':
      return 'DATE';
    case 'timestamp':
      return 'TIMESTAMP';
    case 'integer':
      return 'BIGINT';
    case 'number':
      return INTEGER.test(physicalType) ? 'BIGINT' : 'DOUBLE';
  }
}

function columnRule(own: Property): ColumnRule {
  const unit = own.customProperties.find((custom) => custom.property === 'unit')?.value;
  return {
    name: own.name,
    type: columnType(own),
    required: own.required,
    unique: own.unique,
    ...Object.fromEntries(Object.entries(own.logicalTypeOptions).filter(([, value]) => value !== undefined)),
    ...(typeof unit === 'string' && { unit }),
  };
}

const MEASURES = { nullValues: 'nulls', rowCount: 'rows', duplicateValues: 'duplicates' } as const;

function amountRule(rule: Quality, columns: readonly string[]): AmountRule {
  const below =
    rule.mustBeLessThan === undefined
      ? undefined
      : rule.mustBeLessThan - Number.EPSILON * Math.max(1, Math.abs(rule.mustBeLessThan));
  const above =
    rule.mustBeGreaterThan === undefined
      ? undefined
      : rule.mustBeGreaterThan + Number.EPSILON * Math.max(1, Math.abs(rule.mustBeGreaterThan));
  const atLeast = rule.mustBe ?? rule.mustBeBetween?.[0] ?? rule.mustBeGreaterOrEqualTo ?? above;
  const atMost = rule.mustBe ?? rule.mustBeBetween?.[1] ?? rule.mustBeLessOrEqualTo ?? below;
  if (atLeast === undefined && atMost === undefined) throw unsupported('quality', `${rule.metric} has no bound`);
  return {
    measure: MEASURES[rule.metric],
    columns: rule.arguments?.properties ?? columns,
    unit: rule.unit,
    severity: rule.severity === 'error' ? 'blocking' : 'advisory',
    ...(atLeast !== undefined && { atLeast }),
    ...(atMost !== undefined && { atMost }),
  };
}

function slaMs(sla: { readonly value?: unknown; readonly unit?: string | undefined }): number {
  return parseDurationMs(`${String(sla.value)}${sla.unit ?? 'd'}`, 'slaProperties.latency');
}
