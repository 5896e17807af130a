import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';

const EXAMPLE = fileURLToPath(new URL('../../../examples/flight-delay/', import.meta.url));

/** Slice of the data that the small story runs on: the flights of every 40th minute of seven weeks. */
export const SMALL_STORY = { weeks: 7, sample: 40 } as const;

/**
 * Writes the flight-delay example cut to the small slice: two weeks of data instead of four, fewer trees, seconds for people,
 * margins that so few rows can exclude. A cycle starts with the second batch and, two weeks after its promotion, another one.
 * @returns the path of the document
 */
export async function writeSmallDocument(folder: string): Promise<string> {
  const [document, contract, sql] = await Promise.all(
    ['pipeline.yaml', 'contract.odcs.yaml', 'features.sql'].map((name) => readFile(join(EXAMPLE, name), 'utf8')),
  );
  const path = join(folder, 'pipeline.yaml');
  await writeFile(path, stringify(smallDocument(parse(document as string) as Document)));
  await writeFile(join(folder, 'contract.odcs.yaml'), stringify(smallContract(parse(contract as string) as Contract)));
  await writeFile(join(folder, 'features.sql'), sql as string);
  return path;
}

interface Document {
  readonly spec: Record<string, unknown> & {
    readonly data: Record<string, unknown>;
    readonly labeling: Record<string, unknown>;
    readonly training: Record<string, unknown>;
    readonly evaluation: Record<string, unknown>;
    readonly rollout: Record<string, unknown>;
    readonly monitoring: { readonly drift: Record<string, unknown>; readonly performance: Record<string, unknown> };
    readonly triggers: readonly { readonly name: string }[];
  };
}

interface Contract {
  readonly schema: readonly { readonly quality: readonly { readonly metric: string }[] }[];
}

function smallDocument(document: Document): unknown {
  const { spec } = document;
  return {
    ...document,
    spec: {
      ...spec,
      data: { ...spec.data, window: '14d', maxTrainRows: 4000 },
      labeling: { ...spec.labeling, maxItems: 6, maxDuration: '1s' },
      triggers: [
        { name: 'bootstrap', on: 'BatchReady', when: '!champion.exists && data.readyRows >= 4000' },
        { name: 'renewal', on: 'BatchReady', when: 'champion.exists && champion.ageDays >= 14.0' },
        ...spec.triggers.filter(({ name }) => name === 'drift'),
      ],
      triggerPolicy: {
        cooldown: { afterPromotion: '14d', afterRejection: '7d', afterRollback: '14d', afterFailure: '7d' },
        concurrency: 'Merge',
        budget: { maxCycles: 12, per: '365d' },
      },
      training: {
        ...spec.training,
        candidates: [
          {
            name: 'trees',
            trainer: 'builtin/gradient-boosted-trees',
            params: { rounds: 15, learningRate: 0.2, maxLeaves: 7, minRowsInLeaf: 50 },
          },
          { name: 'logistic', trainer: 'builtin/logistic-regression', params: { l2: 1, maxIterations: 20 } },
        ],
      },
      evaluation: { ...spec.evaluation, ...SMALL_EVALUATION },
      rollout: { ...spec.rollout, ...SMALL_ROLLOUT },
      monitoring: {
        drift: { ...spec.monitoring.drift, minRows: 200 },
        performance: { ...spec.monitoring.performance, minRows: 200 },
      },
    },
  };
}

const compared = { metric: 'logLoss', test: 'PairedMean', confidence: 0.95 };

const SMALL_EVALUATION = {
  gates: [
    {
      name: 'not-worse-than-champion',
      severity: 'Blocking',
      compare: { ...compared, to: 'champion', rule: 'NonInferior', margin: 0.2 },
    },
    {
      name: 'beats-baseline',
      severity: 'Advisory',
      compare: { ...compared, to: 'baseline', rule: 'Superior', margin: 0 },
    },
    { name: 'calibrated', severity: 'Blocking', expr: 'eval.ece <= 0.2' },
  ],
  cohorts: [{ by: 'dow', minRows: 100 }],
  backtest: { folds: 2 },
};

const SMALL_ROLLOUT = {
  steps: [
    { name: 'shadow', shadow: true, bake: '6h', analyses: ['no-great-harm', 'errors'] },
    { name: 'canary-50', weight: 50, bake: '24h', analyses: ['no-great-harm', 'errors'] },
  ],
  analyses: [
    { name: 'no-great-harm', metric: 'logLoss', alpha: 0.05, margin: 0.3, minSamples: 50 },
    { name: 'errors', metric: 'errorRate', alpha: 0.05, margin: 0.5, minSamples: 9 },
  ],
};

function smallContract(contract: Contract): unknown {
  return {
    ...contract,
    schema: contract.schema.map((table) => ({
      ...table,
      quality: table.quality.map((rule) =>
        rule.metric === 'rowCount' ? { ...rule, mustBeBetween: [500, 7500] } : rule,
      ),
    })),
  };
}
