import { describe, expect, it } from '@jest/globals';
import { concerns, parseLiveEvent } from './live-events.js';

describe('a live event', () => {
  const rollout = parseLiveEvent(
    '{"topic":"rondo.rollout.v1","data":{"pipeline":"p","cycleId":"c1","kind":"AnalysisMeasured"}}',
  )!;

  it('makes what it concerns stale', () => {
    expect(concerns(['rollout', { pipeline: 'p', cycleId: 'c1' }], rollout)).toBe(true);
    expect(concerns(['pipelines', {}], rollout)).toBe(true);
  });

  it('leaves other pipelines, other cycles and other subjects alone', () => {
    expect(concerns(['rollout', { pipeline: 'q', cycleId: 'c1' }], rollout)).toBe(false);
    expect(concerns(['rollout', { pipeline: 'p', cycleId: 'c2' }], rollout)).toBe(false);
    expect(concerns(['artifact', { digest: 'x' }], rollout)).toBe(false);
  });

  it('takes part in reads over every pipeline', () => {
    expect(
      concerns(
        ['approvals', { pipeline: '', state: 'Open' }],
        parseLiveEvent('{"topic":"rondo.control.v1","data":{"pipeline":"p"}}')!,
      ),
    ).toBe(true);
  });

  it.each(['', 'null', '7', '{'])('that reads %p is no event', (raw) => {
    expect(parseLiveEvent(raw)).toBeUndefined();
  });
});
