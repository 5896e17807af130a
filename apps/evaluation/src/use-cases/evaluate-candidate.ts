import { create } from '@bufbuild/protobuf';
import { digestOfJson } from '@rondo/artifacts';
import { EvaluationCompletedSchema, StepFailedSchema } from '@rondo/contracts';
import type { Engine } from '@rondo/datasets';
import type { Unit } from '@rondo/journal';
import { canonicalJson, elapsedMs, PermanentError } from '@rondo/kernel';
import { featureProblem, type LoadedModel, ModelLeases, type Scorer } from '@rondo/models';
import type { PipelineSpec } from '@rondo/policy';
import type { JobFailure, JobResult, JobRun, Platform, PolicyGenerations } from '@rondo/service';
import { CLUSTERS_MIN, clusterCount } from '@rondo/statistics';
import { measureLatency, timedRows } from '../adapters/latency.js';
import type { EvaluationConfig } from '../config.js';
import { completedTo, type FileReference } from '../contract-map.js';
import { beliefOf } from '../domain/backtest.js';
import type { EvaluationJobInput } from '../domain/evaluation-job.js';
import { comparisonRequests, DECISION_ROWS_MIN } from '../domain/comparison-gate.js';
import { judge, judgeGates, type Evidence } from '../domain/gates.js';
import { modelCard } from '../domain/model-card.js';
import type { AlphaLook } from '../domain/promotion-ledger.js';
import { reproduciblePart, type EvaluationReport } from '../domain/report.js';
import type { Calculate } from '../ports/calculator.js';
import { backtestCandidate } from './backtest-candidate.js';
import { openSealedTest } from './open-sealed-test.js';
import { takeAlphaLook } from './take-alpha-look.js';
import { baseRate, partsOf, readTest, type Parts, type TestRows } from './read-parts.js';

const SCORE_BUDGET_MS = 300_000;

/** One evaluation under way. */
interface Case {
  readonly input: EvaluationJobInput;
  readonly spec: PipelineSpec;
  readonly parts: Parts;
  readonly run: JobRun;
  /** The champion that is loaded and comparable. */
  readonly champion: LoadedModel | undefined;
  readonly championAbsence: Evidence['championAbsence'];
}

/** Judges one candidate on the sealed test part and announces the outcome. */
export class EvaluateCandidateJob {
  private readonly leases: ModelLeases;

  constructor(
    private readonly platform: Platform,
    private readonly policies: PolicyGenerations,
    private readonly engine: Engine,
    private readonly scorer: Scorer,
    private readonly calculate: Calculate,
    private readonly config: EvaluationConfig,
  ) {
    this.leases = new ModelLeases(scorer, platform.artifacts, config.modelBytes);
  }

  async run(input: EvaluationJobInput, run: JobRun): Promise<JobResult> {
    const startedMs = this.platform.clock.now();
    const spec = await this.policies.spec(this.platform.journal, input.pipeline, input.generation);
    const parts = partsOf(input);
    if (!spec.training.candidates.some(({ name }) => name === input.candidate)) {
      throw new PermanentError('invalid', `generation ${input.generation} has no candidate ${input.candidate}`, {
        field: 'candidate',
        value: input.candidate,
        rule: 'a candidate of the policy',
      });
    }
    const report = await this.leases.use(input.model.digest, async (challenger) => {
      ModelLeases.check(challenger, spec.data.features.columns);
      await openSealedTest(this.platform, input, {
        jobId: run.jobId,
        attempt: run.attempt,
        testDigest: parts.test.digest,
      });
      return this.withChampion({ input, spec, parts, run }, (evaluation) => this.evaluate(evaluation));
    });
    const reportFile = await this.put(canonicalJson(report));
    const cardFile = await this.put(modelCard(report, spec));
    const durationMs = elapsedMs(startedMs, this.platform.clock.now());
    return (unit) => this.announce(unit, input, { report, reportFile, cardFile, durationMs });
  }

  /** The final answer when no attempt led to a verdict. */
  failed(unit: Unit, input: EvaluationJobInput, { code, message, attempts }: JobFailure): void {
    const { pipeline, cycleId, idempotencyKey } = input;
    unit.save({
      kind: 'evaluation',
      id: `${cycleId}/${input.candidate}`,
      state: { outcome: 'failed', code, message },
      index: { pipeline, cycleId },
      outgoing: [
        {
          schema: StepFailedSchema,
          key: pipeline,
          headers: { cycleid: cycleId },
          message: create(StepFailedSchema, {
            pipeline,
            cycleId,
            idempotencyKey,
            step: 'evaluate',
            code,
            message,
            attempts,
          }),
        },
      ],
    });
  }

  private announce(
    unit: Unit,
    input: EvaluationJobInput,
    done: {
      readonly report: EvaluationReport;
      readonly reportFile: FileReference;
      readonly cardFile: FileReference;
      readonly durationMs: number;
    },
  ): void {
    const { pipeline, cycleId, candidate } = input;
    const { verdict, reproducibleDigest } = done.report;
    unit.save({
      kind: 'evaluation',
      id: `${cycleId}/${candidate}`,
      state: {
        outcome: 'completed',
        verdict,
        report: done.reportFile.digest,
        modelCard: done.cardFile.digest,
        reproducibleDigest,
      },
      index: { pipeline, cycleId },
      outgoing: [
        {
          schema: EvaluationCompletedSchema,
          message: completedTo(input, done),
          key: pipeline,
          headers: { cycleid: cycleId },
        },
      ],
    });
  }

  private put(text: string): Promise<FileReference> {
    return this.platform.artifacts.put(Buffer.from(text, 'utf8'));
  }

  /** Loads the champion when there is one. One that takes other features cannot be scored on this test part. */
  private withChampion<T>(
    base: Omit<Case, 'champion' | 'championAbsence'>,
    work: (evaluation: Case) => Promise<T>,
  ): Promise<T> {
    const { champion } = base.input;
    if (!champion) return work({ ...base, champion: undefined, championAbsence: { kind: 'none' } });
    // Compared with itself every model is exactly as good as its opponent, which proves nothing.
    if (champion.digest === base.input.model.digest) {
      const reason = 'it is the very model that is judged';
      return work({ ...base, champion: undefined, championAbsence: { kind: 'incomparable', reason } });
    }
    return this.leases.use(champion.digest, (model) => {
      const problem = featureProblem(model, base.spec.data.features.columns);
      if (problem === undefined) return work({ ...base, champion: model, championAbsence: null });
      return work({ ...base, champion: undefined, championAbsence: { kind: 'incomparable', reason: `it ${problem}` } });
    });
  }

  private async evaluate(evaluation: Case): Promise<EvaluationReport> {
    const { input, spec, parts, run } = evaluation;
    const test = await readTest(this.tools, parts.test, spec, run.signal);
    run.heartbeat(0.1);
    const backtesting = backtestCandidate(this.tools, evaluation);
    // The backtest is waited for below; until then its failure must not count as unhandled.
    backtesting.catch(() => undefined);
    const alphaLook = await this.alphaLook(evaluation, test);
    const { width, values } = test.features;
    const rows = spec.evaluation.latency?.rows ?? 1;
    const requests = this.config.evaluationLatencyRequests;
    const timed = { width, rows, requests, values: timedRows(values, { width, rows, requests }) };
    const measurements = await this.measure(evaluation, test, alphaLook);
    run.heartbeat(0.6);
    const backtest = await backtesting;
    run.heartbeat(0.9);
    // Timed last, when nothing of this evaluation competes for the processor any more.
    const latency = await measureLatency(this.scorer, { ...timed, digest: input.model.digest });
    const modelBytes = input.model.sizeBytes;
    const folds = backtest?.folds ?? null;
    const gates = judgeGates(spec.evaluation.gates, {
      measurements,
      championAbsence: evaluation.championAbsence,
      alphaLook,
      backtest: folds,
      latency,
      modelBytes,
    });
    return withDigest({
      schemaVersion: 'rondo.evaluation-report/v1',
      pipeline: input.pipeline,
      policyGeneration: input.generation,
      candidate: input.candidate,
      snapshotDigest: input.snapshotDigest,
      splits: input.splits,
      models: { challenger: input.model.digest, champion: input.champion },
      modelBytes,
      n: measurements.n,
      clusters: measurements.clusters,
      ...judge(gates, spec.evaluation.onInconclusive),
      gates,
      metrics: measurements.challenger.metrics,
      championMetrics: measurements.champion?.metrics ?? [],
      baseline: measurements.baseline,
      cohorts: measurements.cohorts,
      smallCohorts: measurements.smallCohorts,
      calibration: measurements.challenger.calibration,
      championCalibration: measurements.champion?.calibration ?? [],
      fairness: measurements.fairness,
      slices: measurements.slices,
      backtest: folds ?? [],
      backtestBelief: beliefOf(folds ?? []),
      backtestNote: backtest?.note ?? null,
      latency,
    });
  }

  private get tools() {
    const { engine, calculate } = this;
    return { artifacts: this.platform.artifacts, engine, calculate, score: this.score.bind(this) };
  }

  private score(digest: string, rows: Float32Array, n: number): Promise<Float32Array> {
    return this.scorer.score(digest, rows, n, { budgetMs: SCORE_BUDGET_MS });
  }

  /** The part of the pipeline's lifetime alpha that this cycle takes; none where nothing could be decided with it. */
  private async alphaLook(
    { input, spec, run, champion }: Case,
    { features, clusters }: TestRows,
  ): Promise<AlphaLook | null> {
    const { lifetimeAlpha } = spec.evaluation;
    if (lifetimeAlpha === undefined || !champion || features.n < DECISION_ROWS_MIN) return null;
    if (clusters && clusterCount(clusters.values).effective < CLUSTERS_MIN) return null;
    return takeAlphaLook(this.platform, input, { jobId: run.jobId, attempt: run.attempt, lifetimeAlpha });
  }

  /** Scores both models on the same rows and has everything computed from them in a thread. */
  private async measure(
    { input, spec, parts, run, champion }: Case,
    { features, labels, clusters }: TestRows,
    alphaLook: AlphaLook | null,
  ) {
    const challenger = await this.score(input.model.digest, features.values, features.n);
    run.heartbeat(0.3);
    const ofChampion = champion ? await this.score(champion.digest, features.values, features.n) : null;
    const { gates, cohorts, slices } = spec.evaluation;
    const request = {
      labels,
      challenger,
      champion: ofChampion,
      baseline: await baseRate(this.tools, parts.train, spec, run.signal),
      comparisons: comparisonRequests(gates, alphaLook),
      features: { names: spec.data.features.columns, values: features.values },
      cohorts,
      fairness: gates.flatMap(({ name: gate, fairness }) => (fairness ? [{ gate, ...fairness }] : [])),
      slices: slices ?? null,
      clusters,
      seed: spec.training.seed,
    };
    return this.calculate({ kind: 'measure', request }, run.signal);
  }
}

function withDigest(report: Omit<EvaluationReport, 'reproducibleDigest'>): EvaluationReport {
  return { ...report, reproducibleDigest: digestOfJson(reproduciblePart(report)) };
}
