import type { PipelineApplied } from '@rondo/contracts';
import type { Journal, Unit } from '@rondo/journal';
import { assert, RecentlyUsed, TransientError } from '@rondo/kernel';
import { parseAdmitted, type PipelineSpec } from '@rondo/policy';
import type { Platform } from './ports.js';

interface GenerationState {
  readonly pipeline: string;
  readonly generation: number;
  readonly bundle: string;
}

const KIND = 'policy-generation';
/** Documents kept parsed, of some 10 KiB each. */
const KEPT = 2048;
const idOf = (pipeline: string, generation: number): string => `${pipeline}/${generation}`;

/** A service's own copies of the admitted pipeline documents, one per generation. */
export class PolicyGenerations {
  private readonly parsed = new RecentlyUsed<string, PipelineSpec>(KEPT);

  constructor(private readonly platform: Pick<Platform, 'artifacts'>) {}

  /** Keeps the generation that was applied; call it from the handler of `PipelineApplied` inside its unit of work. */
  async keep(unit: Unit, event: PipelineApplied): Promise<void> {
    assert(event.document, `PipelineApplied of ${event.pipeline} names no document`);
    const bundle = Buffer.from(await this.platform.artifacts.get(event.document.digest)).toString('utf8');
    const generation = Number(event.generation);
    unit.save<GenerationState>({
      kind: KIND,
      id: idOf(event.pipeline, generation),
      state: { pipeline: event.pipeline, generation, bundle },
      index: { pipeline: event.pipeline, generation },
    });
  }

  /**
   * The typed document. A command may overtake the announcement of its generation, because they travel on different topics:
   * then a TransientError asks for another attempt.
   */
  async spec(source: Pick<Unit | Journal, 'load'>, pipeline: string, generation: number): Promise<PipelineSpec> {
    const id = idOf(pipeline, generation);
    const known = this.parsed.get(id);
    if (known) return known;
    const stored = await source.load<GenerationState>(KIND, id);
    if (!stored)
      throw new TransientError(`generation ${generation} of pipeline ${pipeline} is not known here yet`, {
        afterMs: 50,
      });
    return this.remember(id, stored.state.bundle);
  }

  /** The newest generation kept, or `undefined` for an unknown pipeline. */
  async latest(
    source: Pick<Unit | Journal, 'list'>,
    pipeline: string,
  ): Promise<{ readonly generation: number; readonly spec: PipelineSpec } | undefined> {
    const page = await source.list<GenerationState>(KIND, {
      where: { pipeline },
      orderBy: { index: 'generation', direction: 'desc' },
      limit: 1,
    });
    const state = page.items[0]?.state;
    if (!state) return undefined;
    const id = idOf(pipeline, state.generation);
    return { generation: state.generation, spec: this.parsed.get(id) ?? this.remember(id, state.bundle) };
  }

  private remember(id: string, bundle: string): PipelineSpec {
    const spec = parseAdmitted(bundle);
    this.parsed.set(id, spec);
    return spec;
  }
}
