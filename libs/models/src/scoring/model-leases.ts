import type { ArtifactStore } from '@rondo/artifacts';
import { PermanentError } from '@rondo/kernel';
import type { LoadedModel, Scorer } from './scorer.js';

/**
 * Loads models for as long as somebody uses them. Two jobs may use one model (the champion), and the scorer may be shared
 * with a part that serves it: a model is unloaded only by the last user, and only when it was not there before the first.
 */
export class ModelLeases {
  readonly #users = new Map<string, { count: number; readonly keep: boolean }>();

  constructor(
    private readonly scorer: Scorer,
    private readonly artifacts: ArtifactStore,
    private readonly modelBytesMax: number,
  ) {}

  /** Runs `work` with the model loaded. @throws PermanentError when its bytes are missing, changed, too many or refused */
  async use<T>(digest: string, work: (model: LoadedModel) => Promise<T>): Promise<T> {
    const users = this.#users.get(digest) ?? { count: 0, keep: this.scorer.loaded(digest) !== undefined };
    users.count++;
    this.#users.set(digest, users);
    try {
      const bytes = await this.artifacts.get(digest, { maxBytes: this.modelBytesMax });
      return await work(await this.scorer.load(digest, bytes));
    } finally {
      users.count--;
      if (users.count === 0) {
        this.#users.delete(digest);
        if (!users.keep) await this.scorer.unload(digest);
      }
    }
  }

  /** @throws PermanentError `invalid` unless the model takes exactly these features, in this order where it names them */
  static check({ features, featureNames, digest }: LoadedModel, expected: readonly string[]): void {
    const problem = featureProblem({ features, featureNames }, expected);
    if (problem === undefined) return;
    throw new PermanentError('invalid', `model ${digest} ${problem}`, {
      field: 'model',
      value: features,
      rule: `features ${expected.join(', ')}`,
      reason: 'FEATURES_DIFFER',
    });
  }
}

/** Why a model does not take these features, or undefined when it does. */
export function featureProblem(
  model: Pick<LoadedModel, 'features' | 'featureNames'>,
  expected: readonly string[],
): string | undefined {
  if (model.features !== expected.length) return `takes ${model.features} features; the policy has ${expected.length}`;
  const at = model.featureNames?.findIndex((name, index) => name !== expected[index]) ?? -1;
  return at < 0
    ? undefined
    : `takes ${model.featureNames?.[at] ?? ''} as feature ${at + 1}; the policy has ${expected[at] ?? ''}`;
}
