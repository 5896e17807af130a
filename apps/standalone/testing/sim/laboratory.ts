import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DynamicModule } from '@nestjs/common';
import type { ArtifactStore, StoredArtifact } from '@rondo/artifacts';
import { parseConfig } from '@rondo/config';
import { controlPlaneConfig, ControlPlaneModule } from '@rondo/control-plane';
import { dataPrepConfig, DataPrepModule } from '@rondo/data-prep';
import { calculated, driftMonitorConfig, DriftMonitorModule } from '@rondo/drift-monitor';
import { evaluationConfig, EvaluationModule, calculateInThread } from '@rondo/evaluation';
import { PermanentError } from '@rondo/kernel';
import { labelingConfig, LabelingModule } from '@rondo/labeling';
import type { Scorer } from '@rondo/models';
import { rolloutConfig, RolloutModule } from '@rondo/rollout';
import { classificationEstimates } from '@rondo/statistics';
import { BuiltinTrainer, trainingConfig, TrainingModule } from '@rondo/training';
import {
  Memo,
  rememberingArithmetic,
  RememberingEngine,
  rememberingCalculate,
  rememberingScorer,
  rememberingTrainer,
} from './memo.js';
import type { StatefulService } from '../services.js';
import { writeWeeks } from './story.js';

/** What all runs of one process share: the data, the files by digest, and what was computed before. Close it at the end. */
export class Laboratory {
  readonly memo: Memo;
  /** Computations of the run that is on. */
  outside = new Set<Promise<unknown>>();
  readonly #folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rondo-sim-'));
  readonly #engine: RememberingEngine;
  readonly #scorer: Scorer;
  readonly #trainer;
  readonly #calculate;
  readonly #arithmetic;

  private constructor() {
    this.memo = new Memo(() => this.outside);
    this.#engine = new RememberingEngine(this.memo);
    this.#scorer = rememberingScorer(this.memo);
    this.#trainer = rememberingTrainer(this.memo, new BuiltinTrainer(this.#engine));
    this.#calculate = rememberingCalculate(this.memo, calculateInThread);
    this.#arithmetic = rememberingArithmetic(this.memo, calculated);
    mkdirSync(join(this.#folder, 'inbox'));
    mkdirSync(join(this.#folder, 'artifacts'));
  }

  static async open(): Promise<Laboratory> {
    const laboratory = new Laboratory();
    await writeWeeks(laboratory.#engine, join(laboratory.#folder, 'inbox'));
    return laboratory;
  }

  /** An empty artifact store; stores share files, because equal digests are equal bytes. */
  artifacts(): ArtifactStore {
    return new SharedArtifacts(join(this.#folder, 'artifacts'));
  }

  /** The real module of a service, with its heavy parts remembered. */
  module(service: StatefulService): DynamicModule {
    const engine = this.#engine;
    const scorer = this.#scorer;
    const authenticate = (): never => {
      throw new PermanentError('unauthenticated', 'a simulation has no doors');
    };
    switch (service) {
      case 'control-plane': {
        const surroundings = {
          version: 'simulation',
          mode: 'embedded',
          journals: [],
          spans: () => Promise.resolve([]),
        };
        return ControlPlaneModule.forRoot({ config: parseConfig(controlPlaneConfig, {}), surroundings });
      }
      case 'data-prep': {
        const config = parseConfig(dataPrepConfig, { RONDO_DATA_ROOTS: join(this.#folder, 'inbox') });
        return DataPrepModule.forRoot({ config, authenticate, engine, runFeatureSql: engine.runFeatureSql });
      }
      case 'drift-monitor':
        return DriftMonitorModule.forRoot({
          config: parseConfig(driftMonitorConfig, {}),
          engine,
          calculate: this.#arithmetic,
        });
      case 'labeling':
        // A deadline shorter than what the clocks disagree by would fail the step, and rightly so.
        return LabelingModule.forRoot(parseConfig(labelingConfig, { RONDO_LABELING_OPEN_TIMEOUT_MS: '1h' }), {
          engine,
          scorer,
        });
      case 'training':
        return TrainingModule.forRoot({
          config: parseConfig(trainingConfig, {}),
          engine,
          scorer,
          path: '',
          builtin: this.#trainer,
          measure: ({ labels, probabilities }) => Promise.resolve(classificationEstimates(labels, probabilities)),
        });
      case 'evaluation':
        return EvaluationModule.forRoot({
          config: parseConfig(evaluationConfig, { RONDO_EVALUATION_LATENCY_REQUESTS: '20' }),
          engine,
          scorer,
          calculate: this.#calculate,
        });
      case 'rollout':
        return RolloutModule.forRoot(parseConfig(rolloutConfig, {}));
    }
  }

  async close(): Promise<void> {
    await this.#scorer.close();
    await this.#engine.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Content-addressed files in one folder; each store knows only what was put into it. */
class SharedArtifacts implements ArtifactStore {
  readonly #sizes = new Map<string, number>();

  constructor(private readonly folder: string) {}

  put(bytes: Uint8Array): Promise<StoredArtifact> {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const path = this.#path(digest);
    if (!existsSync(path)) writeFileSync(path, bytes);
    this.#sizes.set(digest, bytes.byteLength);
    return Promise.resolve({ digest, sizeBytes: bytes.byteLength });
  }

  putFile(path: string): Promise<StoredArtifact> {
    return this.put(readFileSync(path));
  }

  get(digest: string, options: { readonly maxBytes?: number } = {}): Promise<Uint8Array> {
    const sizeBytes = this.#sizes.get(digest);
    if (sizeBytes === undefined) return Promise.reject(absent(digest));
    const { maxBytes = Infinity } = options;
    if (sizeBytes <= maxBytes) return Promise.resolve(readFileSync(this.#path(digest)));
    const rule = `at most ${maxBytes} bytes`;
    return Promise.reject(
      new PermanentError('out-of-range', `artifact ${digest} is too large`, {
        field: 'maxBytes',
        value: sizeBytes,
        rule,
      }),
    );
  }

  has(digest: string): Promise<boolean> {
    return Promise.resolve(this.#sizes.has(digest));
  }

  withFile<T>(digest: string, use: (path: string) => Promise<T>): Promise<T> {
    return this.#sizes.has(digest) ? use(this.#path(digest)) : Promise.reject(absent(digest));
  }

  #path(digest: string): string {
    return join(this.folder, digest.replace('sha256:', ''));
  }
}

function absent(digest: string): PermanentError {
  return new PermanentError('not-found', `no artifact ${digest}`, { field: 'digest', value: digest });
}
