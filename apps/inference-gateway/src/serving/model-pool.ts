import type { ArtifactStore } from '@rondo/artifacts';
import type { LoadedModel, Scorer } from '@rondo/models';
import type { StateFolder } from './state-folder.js';

/** Largest model file that is loaded. */
const MODEL_BYTES_MAX = 512 * 1024 * 1024;

/**
 * What a model is loaded for. Those that answer callers by right and those on trial never share a worker, so that a candidate that
 * hangs holds up candidates only.
 */
export type Place = 'serving' | 'trial';

const PLACES = ['serving', 'trial'] as const satisfies readonly Place[];

/** Digests of models by what they are loaded for. */
export type Placed = Readonly<Record<Place, ReadonlySet<string>>>;

const NONE: Placed = { serving: new Set(), trial: new Set() };

/** Models that are loaded, by digest. A model is admitted and has scored a row before it counts as loaded. */
export class ModelPool {
  #kept = NONE;
  #lastGone = NONE;
  /** Loaded models of which this machine has no copy, because the disk did not take one. */
  readonly #uncopied = new Set<string>();

  constructor(
    private readonly scorers: Readonly<Record<Place, Scorer>>,
    private readonly artifacts: ArtifactStore,
    private readonly folder: StateFolder,
  ) {}

  /** The model if it is ready to score. */
  loaded(digest: string, place: Place): LoadedModel | undefined {
    return this.scorers[place].loaded(digest);
  }

  /** Scores rows with a loaded model. @throws what {@link Scorer.score} throws */
  score(
    model: { readonly digest: string; readonly place: Place },
    rows: Float32Array,
    count: number,
    options: { readonly budgetMs?: number } = {},
  ): Promise<Float32Array> {
    return this.scorers[model.place].score(model.digest, rows, count, options);
  }

  /**
   * Loads a model from this machine's copy, or else from the artifact store. A disk that takes no copy does not keep it from
   * serving; see {@link keepCopies}.
   * @throws what the store, the admission or the first score throws
   */
  async ensure(digest: string, place: Place): Promise<LoadedModel> {
    const scorer = this.scorers[place];
    const known = scorer.loaded(digest);
    if (known) return known;
    const copy = await this.folder.model(digest);
    const bytes = copy ?? (await this.artifacts.get(digest, { maxBytes: MODEL_BYTES_MAX }));
    const model = await scorer.load(digest, bytes);
    try {
      await scorer.score(digest, new Float32Array(model.features), 1);
    } catch (error) {
      await scorer.unload(digest);
      throw error;
    }
    if (!copy) await this.folder.saveModel(digest, bytes).catch(() => this.#uncopied.add(digest));
    return model;
  }

  /** Copies those of the models to this machine that it could not take before. @throws what the store or the disk throws */
  async keepCopies(digests: Iterable<string>): Promise<void> {
    for (const digest of digests) {
      if (!this.#uncopied.has(digest)) continue;
      await this.folder.saveModel(digest, await this.artifacts.get(digest, { maxBytes: MODEL_BYTES_MAX }));
      this.#uncopied.delete(digest);
    }
  }

  /**
   * Keeps these models and no others. Requests under way may still use a model that was just replaced, so it is unloaded, and its
   * copy removed, only by the call after.
   */
  async retain(wanted: Placed): Promise<void> {
    const before = this.#kept;
    const gone = this.#lastGone;
    this.#kept = wanted;
    this.#lastGone = {
      serving: without(before.serving, wanted.serving),
      trial: without(before.trial, wanted.trial),
    };
    const copies = new Set<string>();
    for (const place of PLACES) {
      const kept = new Set([...wanted[place], ...this.#lastGone[place]]);
      for (const digest of gone[place]) if (!kept.has(digest)) await this.scorers[place].unload(digest);
      for (const digest of kept) copies.add(digest);
    }
    for (const digest of this.#uncopied) if (!copies.has(digest)) this.#uncopied.delete(digest);
    await this.folder.retainModels(copies);
  }
}

function without(digests: ReadonlySet<string>, others: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...digests].filter((digest) => !others.has(digest)));
}
