import type { ArtifactStore } from '@rondo/artifacts';
import type { LoadedModel, Scorer } from '@rondo/models';
import type { StateFolder } from './state-folder.js';

/** Largest model file that is loaded. */
const MODEL_BYTES_MAX = 512 * 1024 * 1024;

/** Models that are loaded, by digest. A model is admitted and has scored a row before it counts as loaded. */
export class ModelPool {
  constructor(
    readonly scorer: Scorer,
    private readonly artifacts: ArtifactStore,
    private readonly folder: StateFolder,
  ) {}

  /** The model if it is ready to score. */
  loaded(digest: string): LoadedModel | undefined {
    return this.scorer.loaded(digest);
  }

  /**
   * Loads a model from this machine's copy, or else from the artifact store.
   * @throws what the store, the admission or the first score throws
   */
  async ensure(digest: string): Promise<LoadedModel> {
    const known = this.scorer.loaded(digest);
    if (known) return known;
    const copy = await this.folder.model(digest);
    const bytes = copy ?? (await this.artifacts.get(digest, { maxBytes: MODEL_BYTES_MAX }));
    const model = await this.scorer.load(digest, bytes);
    try {
      await this.scorer.score(digest, new Float32Array(model.features), 1);
    } catch (error) {
      await this.scorer.unload(digest);
      throw error;
    }
    if (!copy) await this.folder.saveModel(digest, bytes);
    return model;
  }

  /** Unloads all other models and removes their copies. */
  async retain(digests: ReadonlySet<string>, before: ReadonlySet<string>): Promise<void> {
    for (const digest of before) if (!digests.has(digest)) await this.scorer.unload(digest);
    await this.folder.retainModels(digests);
  }
}
