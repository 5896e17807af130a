import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine } from './engine.js';
import { histogram, profile } from './profile.js';

let folder: string;
let engine: Engine;
const file = (name: string): string => join(folder, name);
const sha256 = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
/** 10,000 rows over several chunks with NULLs, NaN and words. */
const TABLE = `SELECT i AS id, CASE WHEN i % 10 = 0 THEN NULL ELSE i / 4.0 END AS x, (i % 7)::TINYINT AS small, i % 3 = 0 AS flag,
  CASE i % 4 WHEN 0 THEN 'a' WHEN 1 THEN 'b' WHEN 2 THEN 'b' END AS word, epoch_ms(i * 1000) AS at, (i * 2654435761) % 10007 AS shuffled
  FROM range(10000) t(i) ORDER BY i`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rondo-datasets-'));
  engine = new Engine({ threads: 2, memoryMb: 512, maxFileBytes: 50_000_000 });
  await engine.writeParquet({ select: TABLE, outPath: file('table.parquet') });
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

describe('reading', () => {
  it('gives columns as float32 with NaN for NULL, over many chunks', async () => {
    const { n, columns } = await engine.readColumns(file('table.parquet'), ['x', 'small', 'flag', 'id']);
    expect(n).toBe(10_000);
    expect([columns[0]![0], columns[0]![1], columns[0]![9_999]]).toEqual([NaN, 0.25, 2499.75]);
    expect([columns[1]![6], columns[1]![7], columns[2]![3], columns[2]![4]]).toEqual([6, 0, 1, 0]);
    expect(columns[3]!.every((value, index) => value === index)).toBe(true);
  });

  it('gives the same values row by row', async () => {
    const { columns } = await engine.readColumns(file('table.parquet'), ['small', 'id']);
    const { n, width, values } = await engine.readMatrix(file('table.parquet'), ['small', 'id']);
    expect([n, width]).toEqual([10_000, 2]);
    for (const row of [0, 1, 2047, 2048, 9_999])
      expect([...values.subarray(row * 2, row * 2 + 2)]).toEqual([columns[0]![row], columns[1]![row]]);
  });

  it('numbers equal values alike, whatever their type, and NULLs as well', async () => {
    const groupsOf = async (column: string): Promise<number[]> => {
      const groups = await engine.readGroups(file('table.parquet'), column);
      const places = new Map<number, number>();
      return Array.from(groups, (group) => places.set(group, places.get(group) ?? places.size).get(group)!);
    };
    const words = await groupsOf('word');
    expect(words.slice(0, 6)).toEqual([0, 1, 1, 2, 0, 1]);
    expect(words).toHaveLength(10_000);
    expect((await groupsOf('small')).every((group, row) => group === row % 7)).toBe(true);
    expect(new Set(await groupsOf('at')).size).toBe(10_000);
    await expect(engine.readGroups(file('table.parquet'), 'nope')).rejects.toMatchObject({ code: 'invalid' });
  });

  it('sorts when asked', async () => {
    const { columns } = await engine.readColumns(file('table.parquet'), ['shuffled'], { orderBy: ['shuffled', 'id'] });
    expect(columns[0]!.every((value, index) => index === 0 || columns[0]![index - 1]! <= value)).toBe(true);
  });

  it('gives words, keys, times and sample rows', async () => {
    expect((await engine.readStrings(file('table.parquet'), 'word')).slice(0, 5)).toEqual(['a', 'b', 'b', null, 'a']);
    expect((await engine.readKeys(file('table.parquet'), 'id')).slice(0, 3)).toEqual(['0', '1', '2']);
    expect([...(await engine.readTimes(file('table.parquet'), 'at')).subarray(0, 3)]).toEqual([0, 1000, 2000]);
    expect(await engine.readRows(file('table.parquet'), { columns: ['id', 'word'], limit: 2, offset: 2 })).toEqual([
      { id: '2', word: 'b' },
      { id: '3', word: null },
    ]);
  });

  it('gives texts as they are: empty, NULL, of any characters, in an order with ties', async () => {
    const words = ['', "it's", null, '\\x41', 'a,b', 'ü', '𝄞 clef', null, ''];
    const select = words
      .map(
        (word, i) =>
          `SELECT ${word === null ? 'NULL' : `'${word.replaceAll("'", "''")}'`} AS word, ${i} AS id, ${i % 2} AS side`,
      )
      .join(' UNION ALL ');
    const path = file('words.parquet');
    await engine.writeParquet({ select: `SELECT * FROM (${select}) ORDER BY id`, outPath: path });
    expect(await engine.readStrings(path, 'word')).toEqual(words);
    const bySide = [0, 1].flatMap((side) => words.filter((_, i) => i % 2 === side));
    expect(await engine.readStrings(path, 'word', { orderBy: ['side'] })).toEqual(bySide);
    await engine.writeParquet({ select: 'SELECT i FROM range(40000) t(i)', outPath: file('many.parquet') });
    const many = Array.from({ length: 40_000 }, (_, i) => String(i));
    expect(await engine.readStrings(file('many.parquet'), 'i')).toEqual(many);
    const packed = await engine.readPackedKeys(file('many.parquet'), 'i');
    expect(Buffer.concat(packed.map(({ bytes }) => bytes)).toString()).toBe(many.join(''));
    expect(packed.flatMap(({ lengths }) => lengths.split(','))).toEqual(many.map(({ length }) => String(length)));
    await engine.writeParquet({ select: "SELECT 'x' AS word WHERE false", outPath: file('none.parquet') });
    expect(await engine.readStrings(file('none.parquet'), 'word')).toEqual([]);
  });

  it('gives numbers and times with one statement, for a known number of rows as well', async () => {
    const wanted = { numbers: ['x', 'small'], times: ['at'] };
    const read = await engine.readNumbers(file('table.parquet'), wanted);
    expect([read.n, read.numbers[0]![1], read.numbers[1]![6], read.times[0]![2]]).toEqual([10_000, 0.25, 6, 2_000]);
    expect(await engine.readNumbers(file('table.parquet'), wanted, { rows: 10_000 })).toEqual(read);
  });

  it('refuses NULL keys, absent columns and words as numbers', async () => {
    await expect(engine.readKeys(file('table.parquet'), 'word')).rejects.toMatchObject({
      code: 'invalid',
      detail: { field: 'word' },
    });
    await expect(engine.readPackedKeys(file('table.parquet'), 'word')).rejects.toMatchObject({
      code: 'invalid',
      detail: { field: 'word', rule: 'a key is never NULL' },
    });
    await expect(engine.readColumns(file('table.parquet'), ['nope'])).rejects.toMatchObject({ code: 'invalid' });
    await expect(engine.readColumns(file('table.parquet'), ['word'])).rejects.toMatchObject({ code: 'invalid' });
    await expect(engine.readColumns(file('table.parquet'), ['x" FROM range(1); --'])).rejects.toMatchObject({
      code: 'invalid',
    });
  });

  it('stops at the end of its time and when aborted', async () => {
    const hasty = new Engine({ statementMs: 30 });
    await expect(
      hasty.query('SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b'),
    ).rejects.toMatchObject({ code: 'deadline-exceeded' });
    await hasty.close();
    await expect(engine.query('SELECT 1', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  });
});

describe('inspect', () => {
  it('tells format, columns and rows of Parquet, CSV and JSON by content', async () => {
    await writeFile(file('a.txt'), 'x,name\n1,one\n2,two\n');
    await writeFile(file('b.txt'), '[{"x":1,"name":"one"}]');
    expect(await engine.inspect(file('table.parquet'))).toMatchObject({ format: 'parquet', rows: 10_000 });
    expect((await engine.inspect(file('table.parquet'))).columns.slice(0, 2)).toEqual([
      { name: 'id', type: 'BIGINT' },
      { name: 'x', type: 'DOUBLE' },
    ]);
    expect(await engine.inspect(file('a.txt'))).toMatchObject({
      format: 'csv',
      rows: 2,
      columns: [
        { name: 'x', type: 'BIGINT' },
        { name: 'name', type: 'VARCHAR' },
      ],
    });
    expect(await engine.inspect(file('b.txt'))).toMatchObject({ format: 'json', rows: 1 });
  });

  it('names what is wrong with a file', async () => {
    await writeFile(file('cut.parquet'), await readFile(file('table.parquet')));
    await truncate(file('cut.parquet'), 5_000);
    await writeFile(file('empty'), '');
    await writeFile(file('text'), 'not parquet at all');
    const rotten = await readFile(file('table.parquet'));
    rotten.fill(0xff, rotten.length - 200, rotten.length - 8);
    await writeFile(file('rotten.parquet'), rotten);
    const small = new Engine({ maxFileBytes: 100 });
    const refusals = [
      [engine.inspect(file('absent')), 'not-found', 'FILE_MISSING'],
      [engine.inspect(folder), 'invalid', 'FILE_IRREGULAR'],
      [engine.inspect(file('empty')), 'data-loss', 'FILE_EMPTY'],
      [engine.inspect(file('cut.parquet')), 'data-loss', 'FILE_TRUNCATED'],
      [engine.inspect(file('*.parquet')), 'invalid', 'FILE_NAME'],
      [engine.readColumns(file('text'), ['x']), 'invalid', 'FILE_NOT_PARQUET'],
      [small.inspect(file('table.parquet')), 'exhausted', 'FILE_TOO_LARGE'],
      [engine.inspect(file('rotten.parquet')), 'data-loss', 'FILE_UNREADABLE'],
    ] as const;
    for (const [attempt, code, reason] of refusals)
      await expect(attempt).rejects.toMatchObject({ code, detail: { reason } });
  });
});

describe('a file that was replaced', () => {
  it('is read anew, though path and size are the same', async () => {
    for (const value of ['one', 'two']) {
      await engine.writeParquet({ select: `SELECT '${value}' AS word`, outPath: file('replaced.parquet') });
      expect(await engine.readStrings(file('replaced.parquet'), 'word')).toEqual([value]);
    }
  });
});

describe('writeParquet', () => {
  it('writes the same bytes on one and two threads, again and again', async () => {
    const digests = new Set<string>();
    for (const threads of [1, 2, 2]) {
      const writer = new Engine({ threads });
      const outPath = file(`out-${digests.size}-${threads}.parquet`);
      const select = `SELECT * FROM read_parquet('${file('table.parquet')}') ORDER BY shuffled, id`;
      expect(await writer.writeParquet({ select, outPath })).toMatchObject({ rows: 10_000 });
      digests.add(await sha256(outPath));
      await writer.close();
    }
    expect(digests.size).toBe(1);
  });
});

describe('profile', () => {
  it('counts exactly', async () => {
    const [x, word] = await profile(
      engine,
      file('table.parquet'),
      [
        { name: 'x', kind: 'numeric' },
        { name: 'word', kind: 'category' },
      ],
      { probabilities: [0, 0.5, 1] },
    );
    expect(x).toMatchObject({
      kind: 'numeric',
      rows: 10_000,
      nulls: 1_000,
      nans: 0,
      min: 0.25,
      max: 2499.75,
      quantiles: [0.25, 1249.75, 2499.75],
    });
    expect((x as { mean: number }).mean).toBeCloseTo(1250, 6);
    expect(word).toEqual({
      kind: 'category',
      column: 'word',
      rows: 10_000,
      nulls: 2_500,
      distinct: 2,
      top: [
        { value: 'b', n: 5_000 },
        { value: 'a', n: 2_500 },
      ],
    });
  });

  it('knows a column without values', async () => {
    await engine.writeParquet({ select: "SELECT unnest([NULL, 'nan'::DOUBLE]) AS x", outPath: file('void.parquet') });
    expect(await profile(engine, file('void.parquet'), [{ name: 'x', kind: 'numeric' }])).toEqual([
      { kind: 'numeric', column: 'x', rows: 2, nulls: 1, nans: 1, quantiles: [] },
    ]);
  });

  it('puts a value that equals an edge into the bin below it', async () => {
    expect(await histogram(engine, file('table.parquet'), 'small', [0, 3, 5])).toEqual({
      bins: [1429, 4287, 2856, 1428],
      missing: 0,
    });
    expect((await histogram(engine, file('table.parquet'), 'x', [])).missing).toBe(1_000);
  });
});
