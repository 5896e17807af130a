#!/usr/bin/env node
/**
 * How long work on a million rows holds up the event loop of each service that does it: ingest and snapshot (data-prep), profile and
 * drift (drift-monitor), training, evaluation with cohorts, slices and a backtest. Each runs as its real module in this process.
 * Build first (`npm run build`), then `node bench/event-loop.mjs [--rows 1000000] [--only drift]`. Prints a markdown table. `late`
 * is the longest delay of a timer, beside an idle loop in the seconds before, on the same machine with the same load; `busy` is the
 * most CPU the main thread used between two runs of a timer of 5 ms, which other processes do not change.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { parseConfig } from '@rondo/config';
import {
  AnnounceArrivalSchema,
  BatchReadySchema,
  CandidateFailedSchema,
  CandidateTrainedSchema,
  ChampionChangedSchema,
  DriftEvaluatedSchema,
  EvaluateCandidateSchema,
  EvaluationCompletedSchema,
  PipelineAppliedSchema,
  PrepareSnapshotSchema,
  ReferenceProfiledSchema,
  SnapshotPreparedSchema,
  StepFailedSchema,
  TrainCandidateSchema,
} from '@rondo/contracts';
import { Engine } from '@rondo/datasets';
import { createScorer } from '@rondo/models';
import { admitPipeline } from '@rondo/policy';
import { startService } from './service.mjs';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '1000000' }, only: { type: 'string', default: '' } },
});
const ROWS = Number(values.rows);
const root = fileURLToPath(new URL('..', import.meta.url));
const inside = (path) => import(join(root, 'apps', path));
const EXAMPLE = join(root, 'examples/your-own-pipeline');
const START_MS = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;
const DAYS = 14;
const PARQUET = 'application/vnd.apache.parquet';
const FEATURES = Array.from({ length: 20 }, (_, i) => `x${i}`);
const pipeline = 'wide';
const modelOf = ({ digest, sizeBytes }) => ({ digest, mediaType: 'application/onnx', sizeBytes: BigInt(sizeBytes) });
const noise = (salt) => `((hash(i * 31 + ${salt}) % 1000003) / 1000003.0)`;

/** Rows over fourteen days: few values, many values, and values with gaps. */
const rowsSelect = (rows, shift = 0) => {
  const shapes = (c) => [
    `floor(5 * ${noise(c)})`,
    `${noise(c)} + ${shift}`,
    `CASE WHEN i % 5 > 0 THEN ${noise(c)} END`,
  ];
  const columns = FEATURES.map((name, c) => `(${shapes(c)[c % 3]})::FLOAT AS ${name}`);
  const step = (DAYS * DAY_MS) / rows;
  return `SELECT printf('r%08d', i) AS row_id, epoch_ms((${START_MS} + floor(i * ${step}))::BIGINT) AS seen_at, ${columns.join(', ')},
    (x1 + ${noise(99)} > 1)::FLOAT AS y FROM range(${rows}) t(i) ORDER BY i`;
};

async function bundle() {
  const text = (file) => readFile(join(EXAMPLE, file), 'utf8');
  const document = (await text('pipeline.yaml'))
    .replaceAll('churn\n', `${pipeline}\n`)
    .replace('column: cancelled', 'column: y')
    .replace(/columns: \[.*\]/, `columns: [${FEATURES.join(', ')}]`)
    .replace('maxTrainRows: 100000', `maxTrainRows: ${ROWS}`)
    .replace('maxIterations: 50', 'maxIterations: 5')
    .replace(
      '    onInconclusive',
      `    cohorts: [{ by: x0, minRows: 100 }]
    slices: { depth: 1, minRows: 1000, falseDiscoveryRate: 0.05 }
    backtest: { folds: 3 }
    onInconclusive`,
    );
  const property = (name, type) => `      - { name: ${name}, logicalType: ${type}, required: ${name[0] !== 'x'} }`;
  const properties = [
    property('row_id', 'string'),
    property('seen_at', 'timestamp'),
    ...[...FEATURES, 'y'].map((name) => property(name, 'number')),
  ];
  const contract = (await text('contract.odcs.yaml')).replace(
    /properties:[^]*/,
    `properties:\n${properties.join('\n')}\n`,
  );
  const bytes = (content) => new TextEncoder().encode(content);
  const files = {
    'contract.odcs.yaml': bytes(contract),
    'features.sql': bytes(`SELECT row_id, seen_at, ${FEATURES.join(', ')}, y = 1 AS y FROM batch`),
  };
  const admission = admitPipeline({ document, files });
  if (!admission.ok) throw new Error(JSON.stringify(admission.problems));
  return bytes(admission.bundle);
}

/** Longest delay and most CPU of the main thread in one turn while `work` runs, in ms. */
async function watched(work) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  let busyMs = 0;
  const cpuMs = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let before = cpuMs();
  const timer = setInterval(() => {
    const now = cpuMs();
    busyMs = Math.max(busyMs, now - before);
    before = now;
  }, 5);
  delay.enable();
  const began = performance.now();
  try {
    await work();
  } finally {
    delay.disable();
    clearInterval(timer);
  }
  return { lateMs: delay.max / 1e6, busyMs, wallMs: performance.now() - began };
}

/** One line of the table. `ends` are the messages that end the work, the good one first. */
async function row(name, service, ends, work) {
  const idle = await watched(() => sleep(3_000));
  const { lateMs, busyMs, wallMs } = await watched(work);
  const [done, ...failed] = ends.map((schema) => service.published(schema).at(-1));
  if (!done) throw new Error(`${name}: ${failed.map((failure) => failure?.message).join() || 'nothing came out'}`);
  console.log(
    `| ${name} | ${busyMs.toFixed(0)} | ${lateMs.toFixed(0)} | ${idle.lateMs.toFixed(0)} | ${(wallMs / 1000).toFixed(1)} |`,
  );
}

const folder = await mkdtemp(join(tmpdir(), 'rondo-bench-'));
const scorer = createScorer();
const [rowsPath, shiftedPath, smallPath] = ['rows', 'shifted', 'small'].map((name) => join(folder, `${name}.parquet`));
const engine = new Engine({ threads: 2, statementMs: 600_000 });
await engine.writeParquet({ select: rowsSelect(ROWS), outPath: rowsPath });
await engine.writeParquet({ select: rowsSelect(ROWS, 0.2), outPath: shiftedPath });
await engine.writeParquet({ select: rowsSelect(10_000), outPath: smallPath });

/** Starts a service with the pipeline applied, lends it, closes it. */
async function withService(name, module, use) {
  // What is evaluated has to be trained.
  if (!name.startsWith(values.only) && !(name === 'training' && values.only === 'evaluation')) return;
  const service = await startService(name, module, join(folder, name));
  try {
    const document = modelOf(await service.artifacts.put(await bundle()));
    await service.publish(PipelineAppliedSchema, { pipeline, generation: 1n, document, endpoint: pipeline }, pipeline);
    const stored = async (path) => ({ ...modelOf(await service.artifacts.putFile(path)), mediaType: PARQUET });
    await use(service, stored);
  } finally {
    await service.close();
  }
}

const interval = { start: timestampFromMs(START_MS), end: timestampFromMs(START_MS + DAYS * DAY_MS) };
const digest = `sha256:${'a'.repeat(64)}`;
const cycle = { pipeline, cycleId: 'cycle', policyGeneration: 1n };
const deadline = timestampFromMs(Date.now() + 3_600_000);

try {
  console.log(
    '| work on a million rows | busy, ms | late, ms | late when idle, ms | takes, s |\n|---|---|---|---|---|',
  );
  const prep = await inside('data-prep/dist/data-prep.module.js');
  const prepConfig = parseConfig((await inside('data-prep/dist/config.js')).dataPrepConfig, {
    RONDO_DATA_ROOTS: folder,
  });
  const prepModule = prep.DataPrepModule.forRoot({ config: prepConfig, authenticate: () => undefined });
  await withService('data-prep', prepModule, async (service) => {
    const arrival = { pipeline, eventId: 'e', eventSource: 'bench', uri: 'rows.parquet', dataInterval: interval };
    const message = { ...arrival, announcedAt: interval.end };
    await row('data-prep: ingest, 23 columns', service, [BatchReadySchema], () =>
      service.publish(AnnounceArrivalSchema, message, pipeline),
    );
    await row('data-prep: snapshot', service, [SnapshotPreparedSchema, StepFailedSchema], () =>
      service.publish(PrepareSnapshotSchema, { ...cycle, idempotencyKey: 's', asOf: interval.end }, pipeline),
    );
  });
  const { DriftMonitorModule } = await inside('drift-monitor/dist/drift-monitor.module.js');
  const driftModule = DriftMonitorModule.forRoot({ config: { driftKeepDays: 60 }, engine });
  await withService('drift-monitor', driftModule, async (service, stored) => {
    const champion = {
      ...{ pipeline, cycleId: 'cycle', to: { name: 'm', version: 1, digest }, snapshotDigest: digest },
      referenceRows: await stored(rowsPath),
      featureNames: FEATURES,
      featureImportance: FEATURES.map(() => 1 / FEATURES.length),
      referenceMetrics: [],
    };
    await row('drift-monitor: profile of the reference, 20 features', service, [ReferenceProfiledSchema], () =>
      service.publish(ChampionChangedSchema, champion, pipeline),
    );
    const shifted = await stored(shiftedPath);
    const ready = { pipeline, batchId: 'b', eventId: 'b', dataInterval: interval, policyGeneration: 1n };
    await row('drift-monitor: drift of a batch, 20 features', service, [DriftEvaluatedSchema], () =>
      service.publish(BatchReadySchema, { ...ready, rowsArtifact: shifted, featuresArtifact: shifted }, pipeline),
    );
  });
  const part = (name, artifact, rows) => ({ name, artifact, rows: BigInt(rows), dataInterval: interval });
  const { TrainingModule } = await inside('training/dist/training.module.js');
  const trainingConfig = parseConfig((await inside('training/dist/config.js')).trainingConfig, {});
  const trainingModule = TrainingModule.forRoot({ config: trainingConfig, engine, scorer, path: '/usr/bin' });
  const train = async (service, stored, candidate) => {
    const splits = [part('train', await stored(rowsPath), ROWS), part('validation', await stored(smallPath), 10_000)];
    const command = {
      ...cycle,
      idempotencyKey: candidate,
      candidate,
      snapshotDigest: digest,
      splits,
      seed: 7n,
      deadline,
    };
    await service.publish(TrainCandidateSchema, command, pipeline);
  };
  let model;
  await withService('training', trainingModule, async (service, stored) => {
    await row(
      'training: logistic regression, 20 features',
      service,
      [CandidateTrainedSchema, CandidateFailedSchema],
      () => train(service, stored, 'logistic'),
    );
    const { digest: modelDigest } = service.published(CandidateTrainedSchema).at(-1).model;
    model = await service.artifacts.get(modelDigest);
  });
  const { EvaluationModule } = await inside('evaluation/dist/evaluation.module.js');
  const evaluationConfig = parseConfig((await inside('evaluation/dist/config.js')).evaluationConfig, {});
  const evaluationModule = EvaluationModule.forRoot({ config: evaluationConfig, engine, scorer });
  await withService('evaluation', evaluationModule, async (service, stored) => {
    const rows = await stored(rowsPath);
    const splits = [
      part('train', rows, ROWS),
      part('validation', await stored(smallPath), 10_000),
      part('test', rows, ROWS),
    ];
    const command = { ...cycle, idempotencyKey: 'e', candidate: 'logistic', snapshotDigest: digest, splits, deadline };
    const judged = modelOf(await service.artifacts.put(model));
    await row(
      'evaluation: 20 features, cohorts, slices, backtest of three folds',
      service,
      [EvaluationCompletedSchema, StepFailedSchema],
      () => service.publish(EvaluateCandidateSchema, { ...command, model: judged }, pipeline),
    );
  });
} finally {
  await scorer.close();
  await engine.close();
  await rm(folder, { recursive: true, force: true });
}
