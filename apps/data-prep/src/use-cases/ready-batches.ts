import type { Journal, ListQuery, Unit } from '@rondo/journal';
import type { Batch } from '../domain/batch.js';
import { current, type TimeRange } from '../domain/snapshot-plan.js';
import { BATCH, READY_ROWS } from './tools.js';

/** What ready batches are read from. */
export type BatchSource = Pick<Unit | Journal, 'list'>;

interface ReadyRows {
  readonly rows: number;
}

const PAGE = 100;

/**
 * Ready batches that nothing superseded and that touch a range of event time, by interval. Ready intervals are equal or apart, so
 * that they end in the order in which they start, and only the batches of the range are read.
 */
export async function readyWithin(source: BatchSource, pipeline: string, range: TimeRange): Promise<Batch[]> {
  const found: Batch[] = [];
  const orderBy = { index: 'endMs', direction: 'asc', from: range.startMs + 1 } as const;
  for await (const batch of ready(source, pipeline, { orderBy, limit: PAGE })) {
    if (batch.startMs >= range.endMs) break;
    found.push(batch);
  }
  return current(found);
}

/** The newest ready batches that nothing superseded, newest first. */
export async function newestReady(source: BatchSource, pipeline: string, count: number): Promise<Batch[]> {
  const found: Batch[] = [];
  const orderBy = { index: 'startMs', direction: 'desc' } as const;
  for await (const batch of ready(source, pipeline, { orderBy, limit: 2 * count })) {
    if (batch.supersededBy === undefined) found.push(batch);
    if (found.length === count) break;
  }
  return found;
}

/** Adds to the feature rows of a pipeline's ready batches and resolves to the new total. */
export async function addReadyRows(unit: Unit, pipeline: string, change: number): Promise<number> {
  const known = await unit.load<ReadyRows>(READY_ROWS, pipeline);
  const rows = (known ? known.state.rows : await countReadyRows(unit, pipeline)) + change;
  unit.save<ReadyRows>({ kind: READY_ROWS, id: pipeline, state: { ...known?.state, rows } });
  return rows;
}

/** Reads every ready batch: for a pipeline of which no total is kept yet. */
async function countReadyRows(source: BatchSource, pipeline: string): Promise<number> {
  let rows = 0;
  for await (const batch of ready(source, pipeline, { limit: 1_000 }))
    if (batch.supersededBy === undefined) rows += batch.features?.rows ?? 0;
  return rows;
}

async function* ready(
  source: BatchSource,
  pipeline: string,
  query: Pick<ListQuery, 'orderBy' | 'limit'>,
): AsyncGenerator<Batch> {
  let pageToken: string | undefined;
  do {
    const where = { pipeline, state: 'ready' };
    const page = await source.list<Batch>(BATCH, { ...query, where, ...(pageToken !== undefined && { pageToken }) });
    for (const { state } of page.items) yield state;
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
}
