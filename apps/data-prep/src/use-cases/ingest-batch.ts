import { withScratch } from '@rondo/artifacts';
import type { Unit } from '@rondo/journal';
import { assert, messageOf, PermanentError } from '@rondo/kernel';
import type { PipelineSpec } from '@rondo/policy';
import type { JobDefinition, JobFailure, JobResult, JobRun } from '@rondo/service';
import { checkRows, type CheckContext } from '../adapters/batch-checker.js';
import { conformRows, type ConformedRows } from '../adapters/batch-reader.js';
import { describeColumns, sortedColumns, type ColumnShapes } from '../adapters/column-shapes.js';
import { storeParquet } from '../adapters/feature-view.js';
import { readContract } from '../adapters/odcs-contract.js';
import { arrivalFailed, batchQuarantined } from '../contract-map.js';
import { failBatch, judgeRows, overlapFinding, type AcceptedRows, type Batch } from '../domain/batch.js';
import type { BatchContract } from '../domain/contract.js';
import { finding, isBlocked, type Finding } from '../domain/finding.js';
import { historyFindings, type ColumnSummary } from '../domain/history.js';
import { FinishBatch } from './finish-batch.js';
import { newestReady, readyWithin } from './ready-batches.js';
import { BATCH, batchIndex, type Tools } from './tools.js';

/** Kind of the job that turns an announced file into a batch. */
export const INGEST = 'ingest';

/** Input of the job. */
export type IngestInput = { readonly batchId: string };

/** Accepted batches a new one is compared with. */
const HISTORY = 4;

/** Copies the announced bytes, reads and checks them, and either computes features or quarantines the batch. */
export class IngestBatch {
  readonly #finish: FinishBatch;
  /** What the contract of a document says, read once. */
  readonly #contracts = new WeakMap<PipelineSpec, BatchContract | Finding>();

  constructor(private readonly tools: Tools) {
    this.#finish = new FinishBatch(tools);
  }

  /** One at a time of each pipeline, so that a batch sees those announced before it as context. */
  definition(): JobDefinition<IngestInput> {
    return {
      kind: INGEST,
      concurrency: this.tools.parallelism,
      lane: INGEST,
      run: (input, run) => this.#run(input, run),
      failed: (unit, input, failure) => this.#failed(unit, input, failure),
    };
  }

  async #run({ batchId }: IngestInput, run: JobRun): Promise<JobResult> {
    const stored = await this.tools.journal.load<Batch>(BATCH, batchId);
    assert(stored, `batch ${batchId} was announced but is missing`);
    const batch = stored.state;
    if (batch.state !== 'checking') return () => undefined;
    const spec = await this.tools.policies.spec(this.tools.journal, batch.pipeline, batch.policyGeneration);
    const read = await this.#read(batch, spec, run);
    if ('failure' in read) return (unit) => this.#fail(unit, batchId, read.failure);
    const { accepted, findings } = read;
    if (isBlocked(findings)) return (unit) => this.#quarantine(unit, batchId, accepted, findings);
    run.heartbeat(0.5);
    return this.#finish.prepare({ ...batch, accepted: accepted!, findings }, spec, run);
  }

  async #read(
    batch: Batch,
    spec: PipelineSpec,
    run: JobRun,
  ): Promise<
    | { readonly failure: Finding }
    | { readonly accepted: AcceptedRows | undefined; readonly findings: readonly Finding[] }
  > {
    const contract = this.#contractOf(spec);
    if ('code' in contract) return { accepted: undefined, findings: [contract] };
    try {
      const source = await this.tools.locations.withFile(batch.uri, this.tools.engine.maxFileBytes, (path) =>
        this.tools.artifacts.putFile(path),
      );
      if (batch.contentDigest !== undefined && batch.contentDigest !== source.digest) {
        return {
          failure: finding(
            'CONTENT_DIGEST',
            'uri',
            `the file has digest ${source.digest}, announced was ${batch.contentDigest}`,
            'bytes match the announced digest',
          ),
        };
      }
      return await this.tools.artifacts.withFile(source.digest, (path) =>
        this.#check(batch, spec, contract, path, run),
      );
    } catch (error) {
      if (!isFileTrouble(error)) throw error;
      return { failure: fileFinding(error, batch.uri) };
    }
  }

  async #check(
    batch: Batch,
    spec: PipelineSpec,
    contract: BatchContract,
    path: string,
    run: JobRun,
  ): Promise<{ accepted: AcceptedRows; findings: readonly Finding[] }> {
    const { engine, artifacts, journal } = this.tools;
    const { signal } = run;
    const context = {
      startMs: batch.startMs,
      endMs: batch.endMs,
      eventTimeColumn: spec.data.source.eventTimeColumn,
      signal,
    };
    return withScratch('data-prep', async (folder) => {
      const rows = await conformRows(engine, path, contract, folder, signal);
      run.heartbeat(0.2);
      const history = await newestReady(journal, batch.pipeline, HISTORY);
      const past = history.flatMap(({ accepted }) => (accepted ? [accepted.summaries] : []));
      const [measured, artifact] = await Promise.all([
        rows.schemaIntact ? this.#measure(rows, contract, past, context) : undefined,
        storeParquet(artifacts, rows.path),
      ]);
      const { findings: unmet, summaries, compared } = measured ?? { findings: [], summaries: [], compared: [] };
      const overlap = overlapFinding(batch, await readyWithin(journal, batch.pipeline, batch));
      const findings = [
        ...rows.findings,
        ...unmet,
        ...historyFindings(summaries, compared, context.eventTimeColumn),
        ...(overlap ? [overlap] : []),
      ];
      return { accepted: { artifact, rows: rows.rows, schemaIntact: rows.schemaIntact, summaries }, findings };
    });
  }

  /** What the rows are by their contract and beside those before them. */
  async #measure(
    rows: ConformedRows,
    contract: BatchContract,
    past: readonly (readonly ColumnSummary[])[],
    context: CheckContext,
  ): Promise<ColumnShapes & { readonly findings: readonly Finding[] }> {
    const { engine } = this.tools;
    const [{ findings, nulls }, sorted] = await Promise.all([
      checkRows(engine, rows.path, contract, context),
      sortedColumns(engine, rows, contract, context),
    ]);
    const values = { rows: rows.rows, nulls, sorted };
    return { findings, ...describeColumns(contract, values, past, context.eventTimeColumn) };
  }

  #contractOf(spec: PipelineSpec): BatchContract | Finding {
    let contract = this.#contracts.get(spec);
    if (!contract) {
      contract = contractOf(spec);
      this.#contracts.set(spec, contract);
    }
    return contract;
  }

  async #quarantine(
    unit: Unit,
    batchId: string,
    accepted: AcceptedRows | undefined,
    findings: readonly Finding[],
  ): Promise<void> {
    const stored = await unit.load<Batch>(BATCH, batchId);
    if (stored?.state.state !== 'checking') return;
    const batch = judgeRows(stored.state, accepted, findings);
    unit.save<Batch>({
      kind: BATCH,
      id: batchId,
      state: batch,
      index: batchIndex(batch),
      outgoing: [batchQuarantined(batch)],
    });
  }

  async #fail(unit: Unit, batchId: string, why: Finding): Promise<void> {
    const stored = await unit.load<Batch>(BATCH, batchId);
    if (stored?.state.state !== 'checking') return;
    const batch = failBatch(stored.state, why, this.tools.clock.now());
    unit.save<Batch>({
      kind: BATCH,
      id: batchId,
      state: batch,
      index: batchIndex(batch),
      outgoing: [arrivalFailed(batch)],
    });
  }

  #failed(unit: Unit, { batchId }: IngestInput, failure: JobFailure): Promise<void> {
    const message = `the file could not be processed in ${failure.attempts} attempts: ${failure.message}`;
    return this.#fail(unit, batchId, finding('FILE', 'uri', message, 'a file that can be processed'));
  }
}

function contractOf(spec: PipelineSpec): BatchContract | Finding {
  try {
    return readContract(spec.files[spec.data.contract.file] ?? '');
  } catch (error) {
    return finding('CONTRACT_UNSUPPORTED', '', messageOf(error), 'a contract whose every check is known');
  }
}

const FILE_TROUBLE = new Set(['not-found', 'data-loss', 'exhausted', 'invalid']);

/** Trouble that lies in the announced file; everything else is tried again. */
function isFileTrouble(error: unknown): error is PermanentError {
  return error instanceof PermanentError && FILE_TROUBLE.has(error.code);
}

function fileFinding(error: PermanentError, uri: string): Finding {
  const reason = error.detail.reason ?? (error.code === 'not-found' ? 'FILE_MISSING' : 'FILE_UNREADABLE');
  return finding(
    'FILE',
    'uri',
    `${reason}: ${uri.slice(0, 200)} cannot be read (${error.detail.rule ?? error.code})`,
    error.detail.rule ?? 'a readable file',
  );
}
