import { describe, expect, it } from '@jest/globals';
import {
  openBatch,
  mergeAnnouncement,
  overlapFinding,
  readyBatch,
  rejectBatch,
  releaseBatch,
  judgeRows,
  holdBatch,
  type Batch,
} from './batch.js';
import { finding } from './finding.js';
import { historyFindings, type ColumnSummary } from './history.js';
import { nearestName } from './nearest-name.js';
import { contextOf, current, planSnapshot } from './snapshot-plan.js';

const DAY = 86_400_000;
const artifact = { digest: `sha256:${'a'.repeat(64)}`, mediaType: 'x', sizeBytes: 1 };
const accepted = { artifact, rows: 10, schemaIntact: true, summaries: [] };
const features = { artifact, rows: 10, labeledRows: 9, reviewRows: 0, viewDigest: 'v' };
const announced = (batchId: string, startMs = 0, endMs = 7 * DAY): Batch =>
  openBatch(
    { pipeline: 'p', eventId: 'e', eventSource: 's', uri: 'u', startMs, endMs, announcedAtMs: 1 },
    { batchId, dedupeKey: 'k', policyGeneration: 1 },
  );
const ready = (batchId: string, startMs: number, endMs: number): Batch =>
  readyBatch({ ...announced(batchId, startMs, endMs), accepted }, features, 5);
const decision = { actor: { id: 'olga', kind: 'human' as const, roles: [] }, reason: 'because', atMs: 9 };

describe('a batch', () => {
  it('counts every merge but keeps a bounded list of ids', () => {
    let batch = announced('a');
    for (let i = 0; i < 300; i++) batch = mergeAnnouncement(batch, `e${i}`);
    expect([batch.merges, batch.eventIds.length, batch.state]).toEqual([300, 100, 'checking']);
  });

  it('is quarantined by blocking findings only', () => {
    const advisory = finding('EXTRA_COLUMN', 'x', '', '', { severity: 'advisory' });
    expect(judgeRows(announced('a'), accepted, [advisory]).state).toBe('checking');
    expect(judgeRows(announced('a'), accepted, [advisory, finding('RANGE', 'x', '', '')]).state).toBe('quarantined');
  });

  it('is released or rejected only out of quarantine, and not twice', () => {
    const quarantined = judgeRows(announced('a'), accepted, [finding('RANGE', 'x', '', '')]);
    const releasing = releaseBatch(quarantined, decision);
    expect(releasing).toMatchObject({ releasing: true, decidedBy: { id: 'olga' }, reason: 'because' });
    expect(rejectBatch(quarantined, decision).state).toBe('rejected');
    for (const batch of [announced('a'), releasing, rejectBatch(quarantined, decision), ready('a', 0, DAY)]) {
      expect(() => releaseBatch(batch, decision)).toThrow('cannot be released');
      expect(() => rejectBatch(batch, decision)).toThrow('cannot be rejected');
    }
    expect(holdBatch(releasing, [finding('FEATURES', '', '', '')])).toMatchObject({
      state: 'quarantined',
      releasing: false,
    });
  });

  it('is not released with a broken schema or an overlap', () => {
    const broken = judgeRows(announced('a'), { ...accepted, schemaIntact: false }, [
      finding('MISSING_COLUMN', 'delay', '', ''),
    ]);
    expect(() => releaseBatch(broken, decision)).toThrow('(delay)');
    expect(() => releaseBatch(judgeRows(announced('a'), accepted, [finding('OVERLAP', '', '', '')]), decision)).toThrow(
      'twice',
    );
  });

  it('may equal the interval of another but not overlap it in part', () => {
    const others = [ready('b', 0, 7 * DAY)];
    expect(overlapFinding(announced('a'), others)).toBeUndefined();
    expect(overlapFinding(announced('a', 7 * DAY, 14 * DAY), others)).toBeUndefined();
    expect(overlapFinding(announced('a', 6 * DAY, 13 * DAY), others)?.code).toBe('OVERLAP');
  });
});

describe('history', () => {
  const summary = (more: Partial<ColumnSummary> = {}): ColumnSummary => ({
    column: 'x',
    rows: 1000,
    nulls: 0,
    spread: 10,
    edges: [1, 2, 3],
    bins: [250, 250, 250, 250],
    ...more,
  });
  const codes = (now: ColumnSummary, bins: readonly number[], earlier = [summary()]): string[] =>
    historyFindings([now], [{ column: 'x', against: earlier.map((each) => ({ earlier: each, bins })) }], 'at').map(
      ({ code, severity }) => `${code} ${severity}`,
    );

  it('is silent about ordinary change and without a past', () => {
    expect(codes(summary(), [230, 260, 270, 240])).toEqual([]);
    expect(historyFindings([summary()], [{ column: 'x', against: [] }], 'at')).toEqual([]);
  });

  it('tells a unit from a shift, and a mild shift from an extreme one', () => {
    expect(codes(summary({ spread: 780 }), [0, 0, 0, 1000])).toEqual(['UNIT_CHANGE blocking']);
    expect(codes(summary({ spread: 601 }), [0, 0, 0, 1000])).toEqual(['UNIT_CHANGE blocking']);
    expect(codes(summary({ spread: 6.2 }), [600, 300, 60, 40])).toEqual(['UNIT_CHANGE blocking']);
    expect(codes(summary({ spread: 12 }), [500, 300, 120, 80])).toEqual(['VALUE_SHIFT advisory']);
    expect(codes(summary({ spread: 12 }), [970, 10, 10, 10])).toEqual(['VALUE_SHIFT blocking']);
  });

  it('needs a shift against every batch of the past', () => {
    const alike = summary({ bins: [950, 20, 15, 15] });
    expect(codes(summary({ spread: 12 }), [970, 10, 10, 10], [summary(), alike])).toEqual([]);
  });

  it('sees bursts of missing values', () => {
    expect(codes(summary({ nulls: 100 }), [230, 220, 230, 220])).toEqual(['NULL_BURST blocking']);
    expect(codes(summary({ nulls: 100 }), [230, 220, 230, 220], [summary({ nulls: 60 })])).toEqual([]);
  });

  it('says how sure the share of missing values and the shift are, and on how many rows', () => {
    const messages = (now: ColumnSummary, bins: readonly number[]) =>
      historyFindings([now], [{ column: 'x', against: [{ earlier: summary(), bins }] }], 'at').map(
        ({ message }) => message,
      );
    // scipy 1.17.1: binomtest(100, 1000).proportion_ci(method='wilson'), the same of 0 in 1000
    expect(messages(summary({ nulls: 100 }), [230, 220, 230, 220])).toEqual([
      '10.0 % (95 %: 8.3 % to 12.0 %; 100 of 1,000 rows) of x is missing, at most 0.0 % (95 %: 0.0 % to 0.4 %; 0 of 1,000 rows) in the 1 batches before',
    ]);
    expect(messages(summary({ spread: 12 }), [500, 300, 120, 80])[0]).toMatch(
      /^values moved: PSI 0\.\d\d \(95 %: 0\.\d\d to 0\.\d\d, 1,000 rows\) against the closest of 1 accepted batches$/,
    );
  });
});

describe('nearestName', () => {
  it.each([
    ['delay', ['date', 'arrival_delay'], 'arrival_delay'],
    ['origin', ['Origin', 'destination'], 'Origin'],
    ['distance', ['distnace'], 'distnace'],
    ['delay', ['latitude', 'name'], undefined],
    ['delay', [], undefined],
  ])('finds %s among %j: %s', (name, candidates, expected) => {
    expect(nearestName(name, candidates)).toBe(expected);
  });
});

describe('a snapshot plan', () => {
  const policy = { windowMs: 28 * DAY, validationMs: 2 * DAY, testMs: 2 * DAY, embargoMs: DAY };
  const weeks = [0, 1, 2, 3, 4].map((index) => ready(`w${index}`, index * 7 * DAY, (index + 1) * 7 * DAY));

  it('puts the newest days last, apart by the embargo, and takes only batches of the window', () => {
    const plan = planSnapshot(28 * DAY, policy, weeks);
    expect(plan.splits.map(({ name, range }) => [name, range.startMs / DAY, range.endMs / DAY])).toEqual([
      ['train', 0, 22],
      ['validation', 23, 25],
      ['test', 26, 28],
    ]);
    expect(plan.batches.map(({ batchId }) => batchId)).toEqual(['w0', 'w1', 'w2', 'w3']);
  });

  it('does not depend on the order of batches and refuses an empty window', () => {
    expect(planSnapshot(28 * DAY, policy, weeks.toReversed())).toEqual(planSnapshot(28 * DAY, policy, weeks));
    expect(() => planSnapshot(1000 * DAY, policy, weeks)).toThrow('no ready batch');
  });

  it('ends with the newest ready batch when as-of lies behind it, so that the newest known days judge', () => {
    const four = weeks.slice(0, 4);
    expect(planSnapshot(31 * DAY, policy, four)).toEqual(planSnapshot(28 * DAY, policy, four));
    expect(planSnapshot(34 * DAY, policy, [...four, announced('w4', 28 * DAY, 35 * DAY)]).window.endMs).toBe(28 * DAY);
    expect(planSnapshot(26 * DAY, policy, four).window.endMs).toBe(26 * DAY);
  });

  it('uses neither superseded nor unready batches', () => {
    expect(
      current([{ ...weeks[0]!, supersededBy: 'x' }, announced('y'), weeks[1]!]).map(({ batchId }) => batchId),
    ).toEqual(['w1']);
  });

  it('gives a batch only those before it within the lookback as context', () => {
    expect(contextOf(weeks[2]!, weeks, DAY).map(({ batchId }) => batchId)).toEqual(['w1']);
    expect(contextOf(weeks[2]!, weeks, 8 * DAY).map(({ batchId }) => batchId)).toEqual(['w0', 'w1']);
    expect(contextOf(weeks[2]!, weeks, 0)).toEqual([]);
  });
});
