/** A small policy whose program candidates behave as their name says; see trainer.mjs. */
export function policyDocument(
  pipeline: string,
  command: readonly string[],
  params: Readonly<Record<string, string>>,
): { readonly document: string; readonly contract: string } {
  const own = (name: string, mode: string, more: object = {}, program = command): string =>
    `      - ${JSON.stringify({ name, trainer: 'command', command: program, params: { mode, ...params, ...more } })}`;
  const candidates = [
    '      - { name: trees, trainer: builtin/gradient-boosted-trees, params: { rounds: 40, learningRate: 0.2, maxLeaves: 8, minRowsInLeaf: 20 } }',
    '      - { name: logistic, trainer: builtin/logistic-regression, params: { l2: 1, maxIterations: 50 } }',
    own('good', 'good'),
    own('refuses', 'exit', { code: 65 }),
    own('once-more', 'exit-once'),
    own('crashes', 'crash'),
    own('hangs', 'hang'),
    own('no-onnx', 'no-onnx'),
    own('huge', 'huge', { bytes: 9_000_000 }),
    own('not-allowed', 'good', {}, ['/bin/sh', '-c', 'exit 0']),
  ];
  return { document: document(pipeline, candidates.join('\n')), contract };
}

const document = (pipeline: string, candidates: string): string => `
apiVersion: rondo.dev/v1
kind: Pipeline
metadata: { name: ${pipeline} }
spec:
  time: WallClock
  owners: [{ team: spec, contact: '#spec' }]
  model: { name: planted, task: BinaryClassification, target: { column: y, definition: the outcome is positive }, predictionTime: at once }
  data:
    source: { eventTimeColumn: seen_at, lookback: 0s }
    contract: { file: contract.odcs.yaml }
    onViolation: Quarantine
    features: { sql: { file: features.sql }, tables: [], key: id, eventTime: seen_at, columns: [a, b] }
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
${candidates}
  selection: { metric: logLoss, oneStandardError: true }
  evaluation:
    gates: [{ name: calibrated, severity: Blocking, expr: 'eval.ece <= 0.1' }]
    onInconclusive: RequiresReview
  approvals: { requiredWhen: 'evaluation.requiresReview', votesNeeded: 1, excludeAuthors: true, timeout: 3d, onTimeout: Expire }
  rollout: { endpoint: planted, steps: [{ name: shadow, shadow: true, bake: 6h }], onNoData: Hold, deadline: 21d, onDeadline: RollBack }
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
