import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { admitPipeline, admittedDocument } from './admit.js';
import { diffPipelines, toYaml } from './diff.js';
import { admitExample, exampleFiles } from './example.fixture.js';

const bundleOf = (...replacements: [string, string][]): string => {
  const admission = admitExample(...replacements);
  if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
  return admission.bundle;
};

describe('a difference', () => {
  it('is nothing between equal pipelines', () => {
    expect(diffPipelines(bundleOf(), bundleOf())).toEqual([]);
  });

  it('names the leaf, matching list items by their name', () => {
    const inserted: [string, string] = ['steps:\n', 'steps:\n      - { name: dark, shadow: true, bake: 1h }\n'];
    expect(diffPipelines(bundleOf(), bundleOf(['weight: 20', 'weight: 25'], inserted))).toEqual([
      { path: 'spec.rollout.steps[canary-20].weight', fromJson: '20', toJson: '25' },
      { path: 'spec.rollout.steps[dark].bake', toJson: '"1h"' },
      { path: 'spec.rollout.steps[dark].name', toJson: '"dark"' },
      { path: 'spec.rollout.steps[dark].shadow', toJson: 'true' },
    ]);
  });

  it('tells when only the order changes', () => {
    const changes = diffPipelines(
      bundleOf(),
      bundleOf(
        [
          "name: calibrated, severity: Blocking, expr: 'eval.ece <= 0.03'",
          "name: fast, severity: Blocking, expr: 'eval.p99Ms <= 250.0'",
        ],
        [
          "- { name: fast, severity: Blocking, expr: 'eval.p99Ms <= 250.0' }\n      - name: stable",
          "- { name: calibrated, severity: Blocking, expr: 'eval.ece <= 0.03' }\n      - name: stable",
        ],
      ),
    );
    expect(changes.map((change) => change.path)).toEqual(['spec.evaluation.gates (order)']);
  });

  it('shows a changed file', () => {
    const files = { ...exampleFiles, 'features.sql': new TextEncoder().encode('SELECT 2') };
    const admission = admitPipeline({ document: toYaml(admittedDocument(bundleOf())), files });
    if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
    expect(diffPipelines(bundleOf(), admission.bundle)).toEqual([
      { path: 'files["features.sql"]', fromJson: '"SELECT 1"', toJson: '"SELECT 2"' },
    ]);
  });

  it('lists everything of a new pipeline', () => {
    const changes = diffPipelines(undefined, bundleOf());
    expect(changes).toContainEqual({ path: 'metadata.name', toJson: '"flight-delay"' });
    expect(changes.every((change) => change.fromJson === undefined)).toBe(true);
  });
});

describe('a document as YAML', () => {
  it('means the same and keeps the order of the schema', () => {
    const document = admittedDocument(bundleOf());
    const text = toYaml(document);
    expect(parse(text)).toEqual(document);
    expect(Object.keys(parse(text) as object)).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);
  });
});
