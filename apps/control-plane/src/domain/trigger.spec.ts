import { describe, expect, it } from '@jest/globals';
import { observeTrigger, type TriggerMemory } from './trigger.js';

const run = (
  outcomes: readonly boolean[],
  rule: { breaches: number; outOf: number },
  cleared: readonly number[] = [],
) => {
  let memory: TriggerMemory | undefined;
  return outcomes.map((outcome, i) => {
    const step = observeTrigger(memory, outcome, cleared.includes(i), rule);
    memory = step.memory;
    return step.fires;
  });
};

describe('a trigger', () => {
  it('fires on the first breach when the policy asks for no persistence', () => {
    expect(run([false, true, false], { breaches: 1, outOf: 1 })).toEqual([false, true, false]);
  });

  it('fires when m of the last n evaluations were breaches', () => {
    expect(run([true, false, true, false, false], { breaches: 2, outOf: 3 })).toEqual([
      false,
      false,
      true,
      false,
      false,
    ]);
  });

  it('forgets breaches when the clearing condition holds', () => {
    expect(run([true, false, true], { breaches: 2, outOf: 3 }, [1])).toEqual([false, false, false]);
  });

  it('does not forget a breach that happens together with the clearing condition', () => {
    expect(run([true, true], { breaches: 2, outOf: 2 }, [1])).toEqual([false, true]);
  });
});
