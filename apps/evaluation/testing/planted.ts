import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { EvaluateCandidateSchema, PipelineAppliedSchema } from '@rondo/contracts';
import type { Engine } from '@rondo/datasets';
import { trainGradientBoostedTrees } from '@rondo/learners';
import { treesToOnnx } from '@rondo/models';
import { admitPipeline } from '@rondo/policy';
import { calculated, type Calculation } from '../src/domain/calculation.js';
import type { Calculate } from '../src/ports/calculator.js';
import type { TestPlatform } from '@rondo/service/testing';

export const pipeline = 'planted';
const START_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
export const FEATURES = ['a', 'b', 'g'];

/** Uniform in [0, 1), the same for the same text. */
const uniform = (text: string): string => `(('0x' || substr(md5('${text}' || i), 1, 8))::UBIGINT / 4294967296.0)`;

/** Rows from..until (one per minute) whose positive rate follows a and b; g is a group of 0 to 3, lot the number of two hundred rows. */
const rowsSelect = (from: number, until: number): string => `
  SELECT printf('k%07d', i) AS id, TIMESTAMP '2026-01-01' + to_minutes(i::BIGINT) AS seen_at, a::FLOAT AS a, b::FLOAT AS b, g::FLOAT AS g, (i // 200)::VARCHAR AS lot,
    (${uniform('y')} < 1 / (1 + exp(-(4 * (a - 0.5) + 3 * (b - 0.5)))))::INT::FLOAT AS y
  FROM (SELECT i, ${uniform('a')} AS a, ${uniform('b')} AS b, floor(4 * ${uniform('g')}) AS g FROM range(${from}, ${until}) t(i)) ORDER BY seen_at, id`;

export interface Split {
  readonly name: string;
  readonly digest: string;
  readonly sizeBytes: number;
  readonly from: number;
  readonly until: number;
}

/** Writes the parts of a snapshot: 8,000 rows to train, 2,000 to validate, and the test part. */
export async function writeSplits(platform: TestPlatform, engine: Engine, testRows: number): Promise<Split[]> {
  const folder = await mkdtemp(join(tmpdir(), 'rondo-evaluation-'));
  try {
    const splits: Split[] = [];
    for (const [name, from, until] of [
      ['train', 0, 8_000],
      ['validation', 8_000, 10_000],
      ['test', 10_000, 10_000 + testRows],
    ] as const) {
      const outPath = join(folder, `${name}.parquet`);
      await engine.writeParquet({ select: rowsSelect(from, until), outPath });
      splits.push({ name, from, until, ...(await platform.artifacts.putFile(outPath)) });
    }
    return splits;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A model planted to be good or bad. */
export interface Planted {
  readonly rounds: number;
  /** Trains on every second row, from this one on; all rows when absent. */
  readonly half?: 0 | 1;
  /** Learns the opposite of the truth in this group. */
  readonly wrongIn?: number;
  readonly featureNames?: readonly string[];
}

/** Trains on the training part and stores the ONNX file. */
export async function plant(
  platform: TestPlatform,
  engine: Engine,
  splits: readonly Split[],
  planted: Planted,
): Promise<{ digest: string; sizeBytes: number }> {
  const { columns } = await platform.artifacts.withFile(splits[0]!.digest, (path) =>
    engine.readColumns(path, [...FEATURES, 'y']),
  );
  const names = planted.featureNames ?? FEATURES;
  const kept = Array.from(columns[0]!.keys()).filter((row) => planted.half === undefined || row % 2 === planted.half);
  const of = (column: number): Float32Array => Float32Array.from(kept, (row) => columns[column]![row]!);
  const group = of(2);
  const target = Uint8Array.from(of(3), (label, row) => (group[row] === planted.wrongIn ? 1 - label : label));
  const params = { rounds: planted.rounds, learningRate: 0.2, maxLeaves: 8, minRowsInLeaf: 40 };
  const model = trainGradientBoostedTrees({
    columns: names.map((_, index) => of(index)),
    target,
    featureNames: [...names],
    params,
  });
  return platform.artifacts.put(treesToOnnx(model));
}

/** The policy's evaluation part in the specs, unless a spec brings its own. */
export const EVALUATION = `
    gates:
      - { name: not-worse, severity: Blocking, compare: { to: champion, metric: logLoss, rule: NonInferior, test: PairedMean, confidence: 0.95, margin: 0.01 } }
      - { name: useful, severity: Blocking, compare: { to: baseline, metric: logLoss, rule: Superior, test: PairedMean, confidence: 0.95, margin: 0 } }
      - { name: ranking, severity: Advisory, compare: { to: champion, metric: rocAuc, rule: NonInferior, test: DeLong, confidence: 0.9, margin: 0.01 } }
      - { name: calibrated, severity: Blocking, expr: 'eval.ece <= 0.1' }
      - { name: fast, severity: Advisory, expr: 'eval.p99Ms <= 5000.0' }
      - { name: cohorts, severity: Advisory, expr: '!has(eval.worstCohortDifference) || eval.worstCohortDifference < 0.1' }
    cohorts:
      - { by: g, minRows: 100 }
      - { by: a, minRows: 100 }
    backtest: { folds: 2 }
    latency: { rows: 10 }
    onInconclusive: RequiresReview`;

const document = (evaluation: string): string => `
apiVersion: rondo.dev/v1
kind: Pipeline
metadata: { name: ${pipeline} }
spec:
  time: WallClock
  owners: [{ team: 'te|am', contact: '#spec' }]
  model: { name: planted, task: BinaryClassification, target: { column: y, definition: the planted outcome is positive }, predictionTime: at once }
  data:
    source: { eventTimeColumn: seen_at, lookback: 0s }
    contract: { file: contract.odcs.yaml }
    onViolation: Quarantine
    features: { sql: { file: features.sql }, tables: [], key: id, eventTime: seen_at, columns: [a, b, g] }
    window: 20d
    split: { validation: 2d, test: 2d, embargo: 0s }
    maxTrainRows: 8000
  triggers: [{ name: any, on: BatchReady, when: 'batch.rows > 0' }]
  triggerPolicy:
    cooldown: { afterPromotion: 1d, afterRejection: 1d, afterRollback: 1d, afterFailure: 1d }
    concurrency: Merge
    budget: { maxCycles: 12, per: 365d }
  training:
    seed: 7
    parallelism: 1
    timeout: 10m
    candidates:
      - { name: trees, trainer: builtin/gradient-boosted-trees, params: { rounds: 15, learningRate: 0.2, maxLeaves: 8, minRowsInLeaf: 40 } }
      - { name: other, trainer: builtin/logistic-regression, params: { l2: 1, maxIterations: 50 } }
      - { name: own, trainer: command, command: [python3, train.py] }
  selection: { metric: logLoss, oneStandardError: true }
  evaluation:${evaluation}
  approvals:
    requiredWhen: 'evaluation.requiresReview'
    votesNeeded: 1
    excludeAuthors: true
    timeout: 3d
    onTimeout: Expire
  rollout:
    endpoint: planted
    steps: [{ name: shadow, shadow: true, bake: 6h }]
    onNoData: Hold
    deadline: 21d
    onDeadline: RollBack
  monitoring:
    drift: { minRows: 1000, falseDiscoveryRate: 0.01, psiFloorLevel: 0.99, suspectedPsi: 0.1, detectedPsi: 0.25, persistence: { breaches: 2, outOf: 3 } }
    performance: { minRows: 1000, reference: SealedTest }
`;

const contract = `
apiVersion: v3.1.0
kind: DataContract
id: urn:spec
name: spec
version: 1.0.0
status: active
schema: [{ name: rows, logicalType: object, physicalType: file, properties: [] }]
`;

/** Announces a generation of the policy, as the control plane does. */
export async function applyPolicy(platform: TestPlatform, generation: number, evaluation = EVALUATION): Promise<void> {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  const admission = admitPipeline({
    document: document(evaluation),
    files: { 'contract.odcs.yaml': bytes(contract), 'features.sql': bytes('SELECT 1') },
  });
  if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
  const { digest, sizeBytes } = await platform.artifacts.put(bytes(admission.bundle));
  const stored = { digest, mediaType: 'application/json', sizeBytes: BigInt(sizeBytes) };
  await platform.publish(
    PipelineAppliedSchema,
    { pipeline, generation: BigInt(generation), document: stored, endpoint: pipeline },
    { key: pipeline },
  );
}

/** What a spec asks to be judged. */
export interface Request {
  readonly splits: readonly Split[];
  readonly model: { readonly digest: string; readonly sizeBytes: number };
  readonly champion?: { readonly digest: string };
  readonly cycleId?: string;
  readonly candidate?: string;
  readonly generation?: number;
  readonly key?: string;
  readonly messageId?: string;
}

/** Sends the command that the control plane sends. */
export async function evaluate(platform: TestPlatform, request: Request): Promise<void> {
  const {
    splits,
    model,
    champion,
    cycleId = 'cycle-1',
    candidate = 'trees',
    generation = 1,
    key = 'key-1',
    messageId,
  } = request;
  const at = (row: number) => timestampFromMs(START_MS + row * MINUTE_MS);
  const command = {
    pipeline,
    cycleId,
    candidate,
    idempotencyKey: key,
    policyGeneration: BigInt(generation),
    model: { digest: model.digest, mediaType: 'application/onnx', sizeBytes: BigInt(model.sizeBytes) },
    ...(champion && { champion: { name: 'planted', version: 1, digest: champion.digest } }),
    snapshotDigest: `sha256:${'a'.repeat(64)}`,
    splits: splits.map(({ name, digest, sizeBytes, from, until }) => ({
      name,
      artifact: { digest, mediaType: 'application/vnd.apache.parquet', sizeBytes: BigInt(sizeBytes) },
      rows: BigInt(until - from),
      dataInterval: { start: at(from), end: at(until) },
    })),
    deadline: timestampFromMs(platform.clock.now() + 600_000),
  };
  await platform.publish(EvaluateCandidateSchema, command, {
    key: pipeline,
    headers: { cycleid: cycleId },
    ...(messageId && { id: messageId }),
  });
}

/** Calculates on the spot: starting a thread from source takes longer than the arithmetic of a spec. */
export const calculateHere = ((calculation: Calculation) => Promise.resolve(calculated(calculation))) as Calculate;
