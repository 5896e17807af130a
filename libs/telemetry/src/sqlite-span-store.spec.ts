import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { FinishedSpan } from './span-store.js';
import { SqliteSpanStore } from './sqlite-span-store.js';

const span = (traceId: string, spanId: string, startMs: number, cycle?: string): FinishedSpan => ({
  traceId,
  spanId,
  name: 'n',
  service: 's',
  kind: 'internal',
  startMs,
  endMs: startMs + 1,
  error: false,
  attributes: cycle === undefined ? {} : { 'rondo.cycle.id': cycle },
  linkedTraceIds: ['l'],
});

describe('the SQLite span store', () => {
  it('answers a cycle with every span of the traces that touched it, oldest first', async () => {
    const store = new SqliteSpanStore(':memory:');
    await store.write([span('t1', 'b', 20, 'c1'), span('t1', 'a', 10), span('t2', 'c', 5, 'c2')]);
    expect(store.byCycle('c1').map((found) => found.spanId)).toEqual(['a', 'b']);
    expect(store.byTrace('t2')).toEqual([span('t2', 'c', 5, 'c2')]);
    expect(store.byCycle('none')).toEqual([]);
    store.close();
  });

  it('keeps the newest spans only', async () => {
    const store = new SqliteSpanStore(':memory:', { spansMax: 150 });
    await store.write(Array.from({ length: 420 }, (_, i) => span('t', `s${i}`, i)));
    const kept = store.byTrace('t');
    expect(kept).toHaveLength(150);
    expect(kept[0]!.spanId).toBe('s270');
    store.close();
  });

  it('finds its spans again after a restart and ignores writes after closing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spans-'));
    try {
      const path = join(folder, 'deep', 'spans.sqlite');
      const first = new SqliteSpanStore(path);
      await first.write([span('t', 'a', 1)]);
      first.close();
      await first.write([span('t', 'b', 2)]);
      const second = new SqliteSpanStore(path);
      expect(second.byTrace('t').map((found) => found.spanId)).toEqual(['a']);
      second.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
