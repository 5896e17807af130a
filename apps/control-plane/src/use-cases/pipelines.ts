import type { Outgoing, Stored, Unit } from '@rondo/journal';
import { PermanentError } from '@rondo/kernel';
import { seenEventTime, type PipelineState } from '../domain/pipeline.js';

export const PIPELINE = 'pipeline';

export async function findPipeline(unit: Unit, name: string): Promise<Stored<PipelineState> | undefined> {
  return unit.load<PipelineState>(PIPELINE, name);
}

export function unknownPipeline(name: string): PermanentError {
  return new PermanentError('not-found', `there is no pipeline ${name}`, {
    field: 'pipeline',
    value: name,
    rule: 'apply its document first',
  });
}

export async function loadPipeline(unit: Unit, name: string): Promise<PipelineState> {
  const stored = await findPipeline(unit, name);
  if (!stored) throw unknownPipeline(name);
  return stored.state;
}

export function savePipeline(unit: Unit, pipeline: PipelineState, messages: readonly Outgoing[] = []): void {
  unit.save<PipelineState>({
    kind: PIPELINE,
    id: pipeline.name,
    state: pipeline,
    index: { endpoint: pipeline.endpoint },
    outgoing: messages,
  });
}

/** Moves the watermark when the event is later than all before. */
export async function noteEventTime(unit: Unit, name: string, eventTimeMs: number): Promise<PipelineState> {
  const before = await loadPipeline(unit, name);
  const after = seenEventTime(before, eventTimeMs);
  if (after !== before) savePipeline(unit, after);
  return after;
}
