import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  AnnounceArrivalSchema,
  ArrivalAcceptedSchema,
  ArrivalFailedSchema,
  ArrivalMergedSchema,
  BatchQuarantinedSchema,
  BatchReadySchema,
  BatchRejectedSchema,
  BatchState,
  DataService,
  DecideBatchRequestSchema,
  DeterminismViolatedSchema,
  PrepareSnapshotSchema,
  SnapshotPreparedSchema,
  StepFailedSchema,
} from '@rondo/contracts';
import { rpcContext } from '@rondo/service/testing';
import { COLUMNS, DAY_MS, FIRST_MS, openFixture, PIPELINE, type Fixture } from './testing/fixture.js';

let fixture: Fixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture.close());

const week = (index: number): number => FIRST_MS + index * 7 * DAY_MS;
const fourWeeks = async (order = 'i', prefix = 'w'): Promise<void> => {
  for (let index = 0; index < 4; index++) {
    await fixture.drop(`${prefix}${index}.parquet`, { startMs: week(index), order });
    await fixture.announce(`${prefix}${index}.parquet`, week(index));
  }
};
let commands = 0;
const prepare = async (
  more: { readonly verify?: boolean; readonly labelSet?: { digest: string }; readonly policyGeneration?: bigint } = {},
): Promise<void> => {
  const message = {
    pipeline: PIPELINE,
    cycleId: 'cycle',
    idempotencyKey: `prepare-${++commands}`,
    policyGeneration: 1n,
    asOf: timestampFromMs(week(4)),
    ...more,
  };
  await fixture.platform.publish(PrepareSnapshotSchema, message, { key: PIPELINE });
  await fixture.service.drain();
};
const decision = (batchId: string, etag: string, requestId = '7b0f5a3e-6a0e-4c0a-9a39-0d4d3f2b8f10') =>
  create(DecideBatchRequestSchema, { pipeline: PIPELINE, batchId, etag, requestId, reason: 'looked at the rows' });

describe('an arrival', () => {
  it('becomes a ready batch with rows, features and counts', async () => {
    await fixture.drop('w0.parquet', { startMs: week(0) });
    await fixture.announce('w0.parquet', week(0));
    const [accepted] = fixture.platform.recorded(ArrivalAcceptedSchema);
    const [ready] = fixture.platform.recorded(BatchReadySchema);
    expect(ready?.message).toMatchObject({
      pipeline: PIPELINE,
      batchId: accepted?.message.batchId,
      eventId: 'w0.parquet',
      rows: 2000n,
      labeledRows: 2000n,
      readyRowsTotal: 2000n,
      policyGeneration: 1n,
      warnings: [],
    });
    expect(await fixture.platform.artifacts.has(ready!.message.featuresArtifact!.digest)).toBe(true);
    expect(fixture.platform.recorded(BatchQuarantinedSchema)).toEqual([]);
  });

  it('announced three times is one batch and two merges, however often a message is delivered', async () => {
    await fixture.drop('w0.parquet', { startMs: week(0) });
    await fixture.announce('w0.parquet', week(0), { id: 'same' });
    await fixture.announce('w0.parquet', week(0), { id: 'same' });
    await fixture.announce('w0.parquet', week(0), { id: 'another' });
    expect(fixture.platform.recorded(ArrivalAcceptedSchema)).toHaveLength(1);
    expect(fixture.platform.recorded(ArrivalMergedSchema).map(({ message }) => message.eventId)).toEqual([
      'same',
      'another',
    ]);
    expect(fixture.platform.recorded(BatchReadySchema)).toHaveLength(1);
  });

  it('takes the place of a batch of the same interval', async () => {
    await fixture.drop('w0.parquet', { startMs: week(0) });
    await fixture.announce('w0.parquet', week(0));
    await fixture.drop('w0-corrected.parquet', { startMs: week(0), rows: 2_100 });
    await fixture.announce('w0-corrected.parquet', week(0));
    const totals = fixture.platform.recorded(BatchReadySchema).map(({ message }) => message.readyRowsTotal);
    expect(totals).toEqual([2000n, 2100n]);
  });

  it('fails with a finding when its file is missing, truncated, not what was announced or no data', async () => {
    const whole = await fixture.drop('cut.parquet', { startMs: week(0) });
    await truncate(whole, 9_000);
    await writeFile(join(fixture.inbox, 'noise.parquet'), Buffer.from([0, 1, 2, 255, 254]));
    await fixture.drop('other.parquet', { startMs: week(0) });
    await fixture.announce('absent.parquet', week(0));
    await fixture.announce('cut.parquet', week(0));
    await fixture.announce('noise.parquet', week(0));
    await fixture.announce('other.parquet', week(0), { contentDigest: `sha256:${'0'.repeat(64)}` });
    const failures = fixture.platform.recorded(ArrivalFailedSchema).map(({ message }) => message.finding!);
    expect(failures.map(({ code }) => code)).toEqual(['FILE', 'FILE', 'FILE', 'CONTENT_DIGEST']);
    expect(failures[0]!.message).toContain('FILE_MISSING');
    expect(failures[1]!.message).toContain('FILE_TRUNCATED');
    expect(fixture.platform.recorded(BatchReadySchema)).toEqual([]);
  });

  it('can be announced anew after it failed', async () => {
    await fixture.announce('late-upload.parquet', week(0), { id: 'first' });
    await fixture.drop('late-upload.parquet', { startMs: week(0) });
    await fixture.announce('late-upload.parquet', week(0), { id: 'second' });
    expect(fixture.platform.recorded(ArrivalAcceptedSchema)).toHaveLength(2);
    expect(fixture.platform.recorded(BatchReadySchema)).toHaveLength(1);
  });

  it('is refused when its file is a link that leads outside', async () => {
    await writeFile(join(fixture.outside, 'secret.csv'), 'a\n1\n');
    await symlink(join(fixture.outside, 'secret.csv'), join(fixture.inbox, 'link.parquet'));
    const rpc = fixture.service.rpc(DataService);
    const dataInterval = { start: timestampFromMs(week(0)), end: timestampFromMs(week(1)) };
    const request = create(AnnounceArrivalSchema, {
      pipeline: PIPELINE,
      eventId: 'x',
      eventSource: 's',
      uri: 'link.parquet',
      dataInterval,
      announcedAt: timestampFromMs(week(1)),
    });
    await expect(rpc.announce(request, rpcContext('up', 'producer'))).rejects.toMatchObject({
      code: 'invalid',
      detail: { field: 'uri', reason: 'URI_OUTSIDE_ROOTS' },
    });
    expect(fixture.platform.recorded(ArrivalAcceptedSchema)).toEqual([]);
  });
});

describe('a batch that breaks its contract', () => {
  const without = (name: string) => Object.fromEntries(Object.entries(COLUMNS).filter(([column]) => column !== name));
  const BROKEN: [what: string, columns: Record<string, string>, code: string, field: string][] = [
    ['a renamed column', { ...without('delay'), arrival_delay: COLUMNS['delay']! }, 'MISSING_COLUMN', 'delay'],
    ['dates as text', { ...COLUMNS, date: `strftime(${COLUMNS['date']!}, '%Y/%m/%d %H:%M')` }, 'WRONG_TYPE', 'date'],
    ['delay in seconds', { ...COLUMNS, delay: '((i * 7919) % 97 - 30)::INTEGER * 60' }, 'UNIT_CHANGE', 'delay'],
    [
      'distance in kilometres',
      { ...COLUMNS, distance: '((200 + (i * 31) % 2300) * 1.609344)::INTEGER' },
      'UNIT_CHANGE',
      'distance',
    ],
    [
      'a burst of nulls',
      { ...COLUMNS, delay: `CASE WHEN i % 3 = 0 THEN NULL ELSE ${COLUMNS['delay']!} END` },
      'NULL_BURST',
      'delay',
    ],
    [
      'missing origins',
      { ...COLUMNS, origin: `CASE WHEN i % 50 > 0 THEN ${COLUMNS['origin']!} END` },
      'NULL_VALUE',
      'origin',
    ],
    [
      'impossible distances',
      { ...COLUMNS, distance: 'CASE WHEN i = 7 THEN -5 ELSE 300 + i % 2000 END' },
      'RANGE',
      'distance',
    ],
    [
      'codes of another form',
      { ...COLUMNS, origin: "CASE WHEN i = 3 THEN 'kord' ELSE 'ORD' END" },
      'PATTERN',
      'origin',
    ],
    [
      'another time zone',
      { ...COLUMNS, date: `epoch_ms(start_ms + (i % 7) * 86400000 + (i * 37 % 300) * 60000)::TIMESTAMP` },
      'TIME_SHIFT',
      'date',
    ],
    [
      'half a week',
      { ...COLUMNS, date: `epoch_ms(start_ms + (i * span_ms) // rows // 2)::TIMESTAMP` },
      'COVERAGE',
      'date',
    ],
    [
      'rows of another week',
      { ...COLUMNS, date: `epoch_ms(start_ms - 3600000 + (i * span_ms) // rows)::TIMESTAMP` },
      'OUTSIDE_INTERVAL',
      'date',
    ],
  ];

  it.each(BROKEN)('is quarantined for %s', async (_what, columns, code, field) => {
    await fixture.drop('good.parquet', { startMs: week(0) });
    await fixture.announce('good.parquet', week(0));
    await fixture.drop('bad.parquet', { startMs: week(1), columns });
    await fixture.announce('bad.parquet', week(1));
    const [quarantined] = fixture.platform.recorded(BatchQuarantinedSchema);
    expect(quarantined?.message.findings).toContainEqual(expect.objectContaining({ code, field }));
    expect(fixture.platform.recorded(BatchReadySchema)).toHaveLength(1);
  });

  it('says what a renamed column is called now and shows rows', async () => {
    await fixture.drop('bad.parquet', {
      startMs: week(0),
      columns: { ...without('delay'), arrival_delay: COLUMNS['delay']! },
    });
    await fixture.announce('bad.parquet', week(0));
    const [quarantined] = fixture.platform.recorded(BatchQuarantinedSchema);
    expect(quarantined?.message.findings[0]!.message).toContain('arrival_delay: was it renamed?');
    await fixture.drop('few.parquet', {
      startMs: week(0),
      columns: { ...COLUMNS, distance: 'CASE WHEN i < 9 THEN -5 ELSE 300 END' },
    });
    await fixture.announce('few.parquet', week(0));
    const range = fixture.platform
      .recorded(BatchQuarantinedSchema)[1]!
      .message.findings.find(({ code }) => code === 'RANGE')!;
    expect([range.count, range.samplesJson.length, JSON.parse(range.samplesJson[0]!).distance]).toEqual([9n, 5, '-5']);
  });

  it('is quarantined when its interval overlaps another in part', async () => {
    await fixture.drop('good.parquet', { startMs: week(0) });
    await fixture.announce('good.parquet', week(0));
    await fixture.drop('shifted.parquet', { startMs: week(0) + DAY_MS });
    await fixture.announce('shifted.parquet', week(0) + DAY_MS);
    expect(fixture.platform.recorded(BatchQuarantinedSchema)[0]?.message.findings.map(({ code }) => code)).toEqual([
      'OVERLAP',
    ]);
  });
});

describe('a person', () => {
  const quarantine = async (
    columns = { ...COLUMNS, distance: 'CASE WHEN i = 7 THEN -5 ELSE 300 + i % 2000 END' } as Record<string, string>,
  ) => {
    await fixture.drop('bad.parquet', { startMs: week(0), columns });
    await fixture.announce('bad.parquet', week(0));
    const rpc = fixture.service.rpc(DataService);
    const { batches } = await rpc.listBatches(
      { pipeline: PIPELINE, state: BatchState.QUARANTINED, pageSize: 10, pageToken: '' } as never,
      rpcContext(),
    );
    return { rpc, batch: batches![0]! };
  };

  it('releases a batch, which then becomes ready in their name', async () => {
    const { rpc, batch } = await quarantine();
    const answer = await rpc.releaseBatch(decision(batch.batchId!, batch.etag!), rpcContext('olga', 'operator'));
    expect(answer).toMatchObject({
      state: BatchState.CHECKING,
      reason: 'looked at the rows',
      decidedBy: { id: 'olga' },
    });
    await fixture.service.drain();
    expect(fixture.platform.recorded(BatchReadySchema)[0]?.message).toMatchObject({
      rows: 2000n,
      releasedBy: { id: 'olga' },
    });
    expect(await rpc.getBatch({ pipeline: PIPELINE, batchId: batch.batchId! } as never, rpcContext())).toMatchObject({
      state: BatchState.READY,
    });
  });

  it('sees a released batch go back when another that overlaps it was accepted meanwhile', async () => {
    const { rpc, batch } = await quarantine();
    await fixture.drop('shifted.parquet', { startMs: week(0) + DAY_MS });
    await fixture.announce('shifted.parquet', week(0) + DAY_MS);
    await rpc.releaseBatch(decision(batch.batchId!, batch.etag!), rpcContext('olga', 'operator'));
    await fixture.service.drain();
    expect(fixture.platform.recorded(BatchReadySchema).map(({ message }) => message.readyRowsTotal)).toEqual([2000n]);
    const last = fixture.platform.recorded(BatchQuarantinedSchema).at(-1)!.message;
    expect(last.batchId).toBe(batch.batchId);
    expect(last.findings.map(({ code }) => code)).toContain('OVERLAP');
  });

  it('rejects a batch for good', async () => {
    const { rpc, batch } = await quarantine();
    await rpc.rejectBatch(decision(batch.batchId!, batch.etag!), rpcContext('olga', 'operator'));
    expect(fixture.platform.recorded(BatchRejectedSchema)[0]?.message).toMatchObject({
      reason: 'looked at the rows',
      actor: { id: 'olga' },
    });
    const { etag } = await rpc.getBatch({ pipeline: PIPELINE, batchId: batch.batchId! } as never, rpcContext());
    const again = decision(batch.batchId!, etag!, '0a7d7bb6-7c6c-4d61-8c9e-5c2a52a3f001');
    await expect(rpc.releaseBatch(again, rpcContext())).rejects.toMatchObject({
      code: 'failed-precondition',
      detail: { reason: 'BATCH_NOT_QUARANTINED' },
    });
  });

  it('gets the same answer to the same request and a refusal to a stale one', async () => {
    const { rpc, batch } = await quarantine();
    const request = decision(batch.batchId!, batch.etag!);
    const first = await rpc.rejectBatch(request, rpcContext());
    expect(await rpc.rejectBatch(request, rpcContext())).toEqual(first);
    expect(fixture.platform.recorded(BatchRejectedSchema)).toHaveLength(1);
    const stale = decision(batch.batchId!, batch.etag!, '0a7d7bb6-7c6c-4d61-8c9e-5c2a52a3f002');
    await expect(rpc.rejectBatch(stale, rpcContext())).rejects.toMatchObject({
      code: 'conflict',
      detail: { reason: 'ETAG_MISMATCH' },
    });
  });

  it('releases a batch once a missing reference table is there', async () => {
    const table = join(fixture.inbox, 'airports.csv');
    const content = await readFile(table);
    await rm(table);
    const { rpc, batch } = await quarantine(COLUMNS);
    expect(batch.findings!.map(({ code, field }) => [code, field])).toEqual([['FEATURES', 'features.tables']]);
    await writeFile(table, content);
    await rpc.releaseBatch(decision(batch.batchId!, batch.etag!), rpcContext('olga', 'operator'));
    await fixture.service.drain();
    expect(fixture.platform.recorded(BatchReadySchema)).toHaveLength(1);
  });

  it('cannot release what features cannot be computed from', async () => {
    const { rpc, batch } = await quarantine(
      Object.fromEntries(Object.entries(COLUMNS).filter(([name]) => name !== 'origin')),
    );
    await expect(rpc.releaseBatch(decision(batch.batchId!, batch.etag!), rpcContext())).rejects.toMatchObject({
      code: 'failed-precondition',
      detail: { reason: 'SCHEMA_BROKEN' },
    });
    expect(await rpc.getBatch({ pipeline: '', batchId: batch.batchId! } as never, rpcContext())).toMatchObject({
      state: BatchState.QUARANTINED,
    });
  });

  it('is told when there is no such batch', async () => {
    const rpc = fixture.service.rpc(DataService);
    await expect(rpc.getBatch({ pipeline: '', batchId: 'nope' } as never, rpcContext())).rejects.toMatchObject({
      code: 'not-found',
    });
  });
});

describe('a snapshot', () => {
  it('splits the window by time and says where everything came from', async () => {
    await fourWeeks();
    await prepare();
    const { message } = fixture.platform.recorded(SnapshotPreparedSchema)[0]!;
    expect(message.splits.map(({ name, rows }) => [name, Number(rows)])).toEqual([
      ['train', 6858],
      ['validation', 571],
      ['test', 571],
    ]);
    expect(message.batchIds).toHaveLength(4);
    const manifest = JSON.parse(
      Buffer.from(await fixture.platform.artifacts.get(message.manifest!.digest)).toString(),
    ) as { engine: string; batches: unknown[]; snapshotDigest: string };
    expect(manifest).toMatchObject({ engine: 'duckdb 1.5.5', snapshotDigest: message.snapshotDigest });
    expect(manifest.batches).toHaveLength(4);
  });

  it('carries the clusters of the evaluation along, and says where the feature view lacks them', async () => {
    const byColumn = (column: string) => (document: string) =>
      document.replace('    onInconclusive:', `    clusters: ${column}\n    onInconclusive:`);
    await fixture.apply(byColumn('origin'));
    await fourWeeks();
    await prepare({ policyGeneration: 2n });
    const { message } = fixture.platform.recorded(SnapshotPreparedSchema)[0]!;
    for (const { artifact } of message.splits) {
      const origins = await fixture.platform.artifacts.withFile(artifact!.digest, (path) =>
        fixture.engine.readStrings(path, 'origin'),
      );
      expect(new Set(origins)).toEqual(new Set(['ATL', 'ORD', 'LAX', 'DFW', 'SEA']));
    }
    await fixture.apply(byColumn('carrier'));
    await fixture.drop('next.parquet', { startMs: week(4) });
    await fixture.announce('next.parquet', week(4));
    const batch = fixture.platform.recorded(BatchQuarantinedSchema).at(-1)!.message;
    expect(batch.findings[0]).toMatchObject({ field: 'carrier', rule: 'any type' });
    expect(batch.findings[0]!.message).toContain('the SQL does not return the column carrier');
  });

  it('answers from the cache, computes again to verify, and tells when bytes differ', async () => {
    await fourWeeks();
    await prepare();
    await prepare();
    await prepare({ verify: true });
    const answers = fixture.platform.recorded(SnapshotPreparedSchema).map(({ message }) => message);
    expect(answers.map(({ cacheHit }) => cacheHit)).toEqual([false, true, false]);
    expect(new Set(answers.map(({ snapshotDigest }) => snapshotDigest)).size).toBe(1);
    expect(fixture.platform.recorded(DeterminismViolatedSchema)).toEqual([]);
    const [cached] = (await fixture.platform.journal.list<{ digest: string }>('snapshot-cache')).items;
    await fixture.platform.journal.once({ consumer: 'spec', messageId: 'tamper' }, (unit) =>
      unit.save({
        kind: 'snapshot-cache',
        id: cached!.id,
        state: { ...cached!.state, digest: `sha256:${'0'.repeat(64)}` },
      }),
    );
    await prepare({ verify: true });
    expect(fixture.platform.recorded(DeterminismViolatedSchema)[0]?.message).toMatchObject({
      expectedDigest: `sha256:${'0'.repeat(64)}`,
      actualDigest: answers[0]!.snapshotDigest,
    });
  });

  it('does not depend on the order of rows, of announcements or on the names of files', async () => {
    await fourWeeks();
    await prepare();
    const first = fixture.platform.recorded(SnapshotPreparedSchema)[0]!.message;
    await fixture.close();
    fixture = await openFixture();
    for (const index of [3, 1, 0, 2]) {
      await fixture.drop(`other-${index}.parquet`, { startMs: week(index), order: 'hash(i)' });
      await fixture.announce(`other-${index}.parquet`, week(index));
    }
    await prepare();
    const second = fixture.platform.recorded(SnapshotPreparedSchema)[0]!.message;
    expect(second.splits.map(({ artifact }) => artifact!.digest)).toEqual(
      first.splits.map(({ artifact }) => artifact!.digest),
    );
    expect(second.snapshotDigest).toBe(first.snapshotDigest);
  });

  it('leaves rows for review out, shows them, and takes them in once labeled', async () => {
    const conflict = `CASE WHEN i IN (100, 101) THEN epoch_ms(start_ms + 3600000)::TIMESTAMP ELSE ${COLUMNS['date']!} END`;
    const fixed = (name: string): string =>
      `CASE WHEN i = 101 THEN ${COLUMNS[name]!.replaceAll(/\bi\b/g, '100')} ELSE ${COLUMNS[name]!} END`;
    const columns = {
      ...COLUMNS,
      date: conflict,
      origin: fixed('origin'),
      destination: fixed('destination'),
      distance: fixed('distance'),
    };
    for (let index = 0; index < 4; index++) {
      await fixture.drop(`w${index}.parquet`, { startMs: week(index), ...(index === 0 && { columns }) });
      await fixture.announce(`w${index}.parquet`, week(index));
    }
    await prepare();
    const first = fixture.platform.recorded(SnapshotPreparedSchema)[0]!.message;
    expect([first.reviewRows, first.splits[0]!.rows]).toEqual([2n, 6856n]);
    const keys = await fixture.platform.artifacts.withFile(first.reviewArtifact!.digest, (path) =>
      fixture.engine.readRows(path, { limit: 5 }),
    );
    expect(keys[0]).toMatchObject({ review_reason: 'conflicting records', origin: 'ATL', delay: expect.anything() });
    const labels = await fixture.platform.artifacts.put(
      Buffer.from(JSON.stringify({ [String(keys[0]!['flight_id'])]: '1' })),
    );
    await prepare({ labelSet: { digest: labels.digest } });
    const second = fixture.platform.recorded(SnapshotPreparedSchema)[1]!.message;
    expect(second.splits[0]!.rows).toBe(6857n);
    expect(second.snapshotDigest).not.toBe(first.snapshotDigest);
  });

  it('keeps at most the allowed train rows', async () => {
    await fixture.apply((document) => document.replace('maxTrainRows: 100000', 'maxTrainRows: 1000'));
    await fourWeeks();
    const message = {
      pipeline: PIPELINE,
      cycleId: 'cycle',
      idempotencyKey: 'capped',
      policyGeneration: 2n,
      asOf: timestampFromMs(week(4)),
    };
    await fixture.platform.publish(PrepareSnapshotSchema, message, { key: PIPELINE });
    await fixture.service.drain();
    expect(
      fixture.platform.recorded(SnapshotPreparedSchema)[0]!.message.splits.map(({ rows }) => Number(rows)),
    ).toEqual([1000, 571, 571]);
  });

  it('fails with the reason when there is too little or only one class', async () => {
    await prepare();
    expect(fixture.platform.recorded(StepFailedSchema)[0]?.message).toMatchObject({
      step: 'prepare',
      code: 'failed-precondition',
      message: 'no ready batch lies in the window',
    });
    await fixture.drop('w3.parquet', { startMs: week(3) });
    await fixture.announce('w3.parquet', week(3));
    await fixture.drop('w0.parquet', { startMs: week(0), columns: { ...COLUMNS, delay: '-3' } });
    await fixture.announce('w0.parquet', week(0));
    await prepare();
    expect(fixture.platform.recorded(SnapshotPreparedSchema)).toHaveLength(1);
    await fixture.drop('w3b.parquet', { startMs: week(3), columns: { ...COLUMNS, delay: '(20 + i % 3)::SMALLINT' } });
    await fixture.announce('w3b.parquet', week(3));
    const quarantined = fixture.platform.recorded(BatchQuarantinedSchema).at(-1);
    expect(quarantined?.message.findings.map(({ code }) => code)).toContain('VALUE_SHIFT');
  });
});
