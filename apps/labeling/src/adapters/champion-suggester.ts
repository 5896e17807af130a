import type { ArtifactStore } from '@rondo/artifacts';
import { createScorer, type Scorer } from '@rondo/models';
import type { Suggester } from '../ports/suggester.js';

/** Scores with a model from the artifact store, loaded for the call only. */
export class ChampionSuggester implements Suggester {
  private readonly own = createScorer();
  private readonly scorer: Scorer;

  constructor(
    private readonly artifacts: ArtifactStore,
    scorer?: Scorer,
  ) {
    this.scorer = scorer ?? this.own;
  }

  async probabilities(modelDigest: string, features: Float32Array, rows: number): Promise<ArrayLike<number>> {
    if (rows === 0) return [];
    await this.scorer.load(modelDigest, await this.artifacts.get(modelDigest));
    try {
      return await this.scorer.score(modelDigest, features, rows);
    } finally {
      await this.scorer.unload(modelDigest);
    }
  }

  async onModuleDestroy(): Promise<void> {
    await this.own.close();
  }
}
