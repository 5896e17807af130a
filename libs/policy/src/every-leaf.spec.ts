import { describe, expect, it } from '@jest/globals';
import { canonicalJson } from '@rondo/kernel';
import { parse } from 'yaml';
import { admitPipeline } from './admit.js';
import { pathText, type Path } from './document/path.js';
import { pipelineJsonSchema, type JsonSchema } from './document/json-schema.js';
import { exampleFiles, exampleText } from './example.fixture.js';

type Tree = Record<string, unknown>;

/** The quickstart with every optional field present, so that no leaf of the schema is missed. */
const complete = (): Tree => {
  const document = parse(exampleText) as Tree;
  const at = (path: Path): Tree => path.reduce<unknown>((node, part) => (node as Tree)[part], document) as Tree;
  Object.assign(at(['spec', 'labeling']), { annotatorsPerTask: 2, controlShare: 0.1 });
  Object.assign(at(['spec', 'labeling']), { gold: { column: 'settled', share: 0.2, minAccuracy: 0.8 } });
  Object.assign(at(['spec', 'labeling', 'quality']), { minAgreement: 0.6 });
  Object.assign(at(['spec', 'triggers', 0]), {
    clearWhen: 'champion.exists',
    for: { breaches: 1, outOf: 2 },
    action: 'Start',
  });
  (at(['spec'])['triggers'] as unknown[]).push({
    name: 'forecast',
    on: 'ForecastIssued',
    when: 'forecast.probBreach > 0.7',
    action: 'Schedule',
    startBefore: '14d',
  });
  Object.assign(at(['spec', 'monitoring']), {
    forecast: { series: [{ name: 'perf.logLoss', limit: 0.5 }], horizon: '28d', season: '7d' },
  });
  Object.assign(at(['spec', 'monitoring', 'drift']), { season: { period: '365d', within: '15d', minWindows: 3 } });
  Object.assign(at(['spec', 'training', 'candidates', 0, 'params']), { lambda: 1, maxBins: 64 });
  (at(['spec', 'training'])['candidates'] as unknown[]).push({
    name: 'own',
    trainer: 'command',
    command: ['python3', 'train.py'],
    params: { depth: 3 },
  });
  Object.assign(at(['spec', 'evaluation', 'gates', 0, 'compare']), { cohortMargin: 0.05 });
  Object.assign(at(['spec', 'evaluation']), { slices: { depth: 2, minRows: 500, falseDiscoveryRate: 0.05 } });
  Object.assign(at(['spec', 'evaluation']), { lifetimeAlpha: 0.05, clusters: 'flight_day' });
  (at(['spec', 'evaluation'])['gates'] as unknown[]).push({
    name: 'better',
    severity: 'Advisory',
    compare: { to: 'champion', metric: 'logLoss', rule: 'Superior', test: 'PairedMean', confidence: 0.9, margin: 0 },
  });
  (at(['spec', 'evaluation'])['gates'] as unknown[]).push({
    name: 'fair',
    severity: 'Advisory',
    fairness: {
      by: 'dow',
      measure: 'EqualisedOdds',
      threshold: 0.5,
      maxGap: 0.1,
      minRows: 100,
      confidence: 0.95,
    },
  });
  (at(['spec', 'rollout'])['analyses'] as unknown[]).push({
    name: 'clicks',
    metric: 'engagement',
    feedback: 'click',
    alpha: 0.05,
    margin: 0.01,
    minSamples: 100,
  });
  (at(['spec', 'rollout', 'steps', 3])['analyses'] as unknown[]).push('clicks');
  (at(['spec', 'rollout'])['analyses'] as unknown[]).push({
    name: 'right',
    metric: 'accuracy',
    alpha: 0.05,
    margin: 0.01,
    minSamples: 100,
    minLabelShare: 0.9,
  });
  (at(['spec', 'rollout', 'steps', 3])['analyses'] as unknown[]).push('right');
  (at(['spec', 'rollout'])['analyses'] as unknown[]).push({
    name: 'late',
    metric: 'logLoss',
    alpha: 0.05,
    margin: 0.01,
    minSamples: 100,
    labelMaturity: { age: '2d', share: 0.95 },
  });
  (at(['spec', 'rollout', 'steps', 3])['analyses'] as unknown[]).push('late');
  Object.assign(at(['spec', 'rollout']), {
    slices: {
      analysis: 'no-harm',
      by: [
        { feature: 'distance', cuts: [500, 1500] },
        { feature: 'dow', values: [1, 7] },
      ],
      falseDiscoveryRate: 0.05,
      minSamples: 500,
    },
  });
  (at(['spec'])['notifications'] as unknown[]).push({
    on: ['CycleFinished'],
    to: { webhook: 'https://example.org/hook' },
  });
  return document;
};

const leavesOf = (value: unknown, path: Path = []): { path: Path; value: unknown }[] =>
  value !== null && typeof value === 'object'
    ? Object.entries(value).flatMap(([key, item]) =>
        leavesOf(item, [...path, Array.isArray(value) ? Number(key) : key]),
      )
    : [{ path, value }];

const mutated = (value: unknown): unknown => {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value >= 1 ? value + 1 : value / 2 + 0.001;
  const text = String(value);
  const duration = /^(\d+)(ms|s|m|h|d|w)$/.exec(text);
  return duration ? `${Number(duration[1]) + 1}${duration[2]}` : `${text}x`;
};

const withValue = (path: Path, value: unknown): Tree => {
  const document = complete();
  const parent = path.slice(0, -1).reduce<unknown>((node, part) => (node as Tree)[part], document) as Tree;
  const last = path.at(-1) as string;
  if (value === undefined && !Array.isArray(parent)) delete parent[last];
  else if (value === undefined) (parent as unknown as unknown[]).splice(Number(last), 1);
  else parent[last] = value;
  return document;
};

const admit = (document: Tree): ReturnType<typeof admitPipeline> =>
  admitPipeline({ document: JSON.stringify(document), files: exampleFiles });

const original = admit(complete());
if (!original.ok) throw new Error(JSON.stringify(original.problems));
const before = canonicalJson(original.spec);

const table = leavesOf(complete()).map(({ path, value }) => ({ field: pathText(path), path, value }));

describe('every leaf of the document matters', () => {
  it.each(table)('$field: another value is admitted as another spec, or refused', ({ path, value }) => {
    const admission = admit(withValue(path, mutated(value)));
    if (admission.ok) expect(canonicalJson(admission.spec)).not.toBe(before);
    else expect(admission.problems.length).toBeGreaterThan(0);
  });

  it.each(table)('$field: leaving it out gives another spec, its default, or a refusal', ({ path, value }) => {
    const admission = admit(withValue(path, undefined));
    if (!admission.ok) return expect(admission.problems.length).toBeGreaterThan(0);
    if (canonicalJson(admission.spec) === before) expect(defaultAt(path)).toEqual(value);
  });

  it('covers every field of the schema', () => {
    const used = new Set(table.flatMap(({ path }) => path.map((_, index) => generic(path.slice(0, index + 1)))));
    const missing = fieldsOf(pipelineJsonSchema()).filter((field) => !used.has(field));
    expect(missing).toEqual([]);
  });
});

const generic = (path: Path): string => pathText(path).replace(/\[\d+\]/g, '[]');

function choices(schema: JsonSchema): JsonSchema[] {
  return [schema, ...(schema.anyOf ?? []).flatMap(choices), ...(schema.oneOf ?? []).flatMap(choices)];
}

function fieldsOf(schema: JsonSchema, path = ''): string[] {
  const own = choices(schema).flatMap((choice) =>
    Object.entries(choice.properties ?? {}).flatMap(([name, field]) => {
      const full = path === '' ? name : `${path}.${name}`;
      return [full, ...fieldsOf(field, full)];
    }),
  );
  return [...own, ...choices(schema).flatMap((choice) => (choice.items ? fieldsOf(choice.items, `${path}[]`) : []))];
}

function defaultAt(path: Path): unknown {
  let schemas = [pipelineJsonSchema()];
  for (const part of path)
    schemas = schemas
      .flatMap(choices)
      .map((schema) => (typeof part === 'number' ? schema.items : schema.properties?.[part]))
      .filter((schema) => schema !== undefined);
  return schemas.flatMap(choices).find((schema) => schema.default !== undefined)?.default;
}
