import type { Journal, Unit } from '@rondo/journal';
import { PermanentError, RecentlyUsed } from '@rondo/kernel';
import { parseAdmitted, type PipelineSpec } from '@rondo/policy';
import type { ActorReference } from '../domain/references.js';

/** One admitted document; never changed. */
export interface GenerationState {
  readonly pipeline: string;
  readonly generation: number;
  /** Canonical JSON of the document and its files. */
  readonly bundle: string;
  readonly digest: string;
  /** The text as it was applied. */
  readonly document: string;
  readonly author: ActorReference;
  readonly changeReason: string;
  readonly appliedAtMs: number;
}

export const generationId = (pipeline: string, generation: number): string => `${pipeline}/${generation}`;

/** Documents kept parsed, of some 10 KiB each. */
const KEPT = 2048;

/** The admitted documents, parsed once per generation. */
export class Policies {
  private readonly parsed = new RecentlyUsed<string, PipelineSpec>(KEPT);

  async spec(source: Pick<Unit | Journal, 'load'>, pipeline: string, generation: number): Promise<PipelineSpec> {
    const id = generationId(pipeline, generation);
    const known = this.parsed.get(id);
    if (known) return known;
    const stored = await source.load<GenerationState>('generation', id);
    if (!stored) {
      throw new PermanentError('not-found', `pipeline ${pipeline} has no generation ${generation}`, {
        field: 'pipeline',
        value: pipeline,
        rule: 'apply the document first',
      });
    }
    const spec = parseAdmitted(stored.state.bundle);
    this.parsed.set(id, spec);
    return spec;
  }
}
