import { describe, expect, it } from '@jest/globals';
import { labelCoverageOf } from './performance.js';
import { joinLabels, servedRequest, windowRows } from './served-request.js';

/** A request of so many scored rows, the first of which have their outcome. */
const request = (requestId: string, rows: number, labelled: number) => {
  const served = { pipeline: 'p', requestId, eventTimeMs: 0, modelDigest: 'm' };
  const asked = servedRequest(served, [...new Array<number>(rows).fill(0.5), NaN]);
  return joinLabels(asked, { rowIndexes: [], labels: new Uint8Array(labelled) }).request;
};
const coverage = (...requests: [rows: number, labelled: number][]) =>
  labelCoverageOf(windowRows(requests.map(([rows, labelled], i) => request(`r${i}`, rows, labelled))).perRequest);

describe('label coverage', () => {
  it('is as sure as requests make it, however many rows they have', () => {
    const [small, large] = [10, 1000].map((rows) => coverage([rows, rows], [rows, 0], [rows, rows], [rows, 0]));
    expect(small).toMatchObject({ value: 0.5, n: 40, confidence: 0.95, slice: 'all' });
    expect(large).toMatchObject({ value: 0.5, n: 4000, method: 'Wilson, over 4 requests whose labels come together' });
    expect(large!.lower).toBeCloseTo(small!.lower!, 1);
    // Rows that are labelled one by one tell more.
    const mixed = coverage([1000, 500], [1000, 510], [1000, 490], [1000, 500]);
    expect(mixed!.upper! - mixed!.lower!).toBeLessThan(0.1 * (large!.upper! - large!.lower!));
  });

  it('has no interval of one request, and is nothing without predictions', () => {
    const one = coverage([100, 40])!;
    expect(one).toMatchObject({ value: 0.4, n: 100, method: 'a single request, which gives no interval' });
    expect(one.lower).toBeUndefined();
    expect(coverage()).toBeUndefined();
    expect(coverage([0, 0], [0, 0])).toBeUndefined();
  });
});
