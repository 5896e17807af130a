import { describe, expect, it } from '@jest/globals';
import {
  enter,
  finish,
  nextText,
  PHASES,
  reopen,
  startCycle,
  trainingIsOver,
  updateCandidate,
  type CycleState,
} from './cycle.js';

const cycle = (): CycleState =>
  startCycle({
    id: 'c',
    pipeline: 'p',
    number: 1,
    generation: 1,
    trigger: 'drift',
    startedBy: 'service',
    decisionId: 'd',
    causes: ['e'],
    asOfMs: 5,
    atMs: 10,
  });

const candidate = (name: string, state: 'Training' | 'Trained' | 'Failed') => ({
  name,
  state,
  trainer: 't',
  params: {},
  validation: [],
  featureImportance: [],
  complexity: 1,
  message: '',
  durationMs: 0,
  progress: 0,
  stage: '',
});

describe('a cycle', () => {
  it('keeps when each phase began and ended', () => {
    const training = enter(enter(cycle(), 'Labeling', 20), 'Training', 30);
    expect(training.phases).toEqual([
      { phase: 'Preparing', enteredAtMs: 10, leftAtMs: 20 },
      { phase: 'Labeling', enteredAtMs: 20, leftAtMs: 30 },
      { phase: 'Training', enteredAtMs: 30 },
    ]);
  });

  it('finishes once, and remembers the step that failed', () => {
    const failed = finish(enter(cycle(), 'Training', 20), 'Failed', 'disk full', 30);
    expect(failed).toMatchObject({ phase: 'Finished', result: 'Failed', failedStep: 'Training', finishedAtMs: 30 });
    expect(failed.phases.at(-1)?.leftAtMs).toBe(30);
    expect(() => finish(failed, 'Failed', 'again', 40)).toThrow('finished already');
  });

  it('opens again at the failed step', () => {
    const again = reopen(finish(enter(cycle(), 'Training', 20), 'Failed', 'disk full', 30), 50);
    expect(again).toMatchObject({ phase: 'Training', reason: '', candidates: [] });
    expect(again.result).toBeUndefined();
    expect(again.phases.at(-1)).toEqual({ phase: 'Training', enteredAtMs: 50 });
    expect(() => reopen(finish(cycle(), 'Rejected', 'worse', 30), 50)).toThrow('no failed step');
  });

  it('is done training when no candidate is being trained', () => {
    const two = { ...cycle(), candidates: [candidate('a', 'Training'), candidate('b', 'Trained')] };
    expect(trainingIsOver(two)).toBe(false);
    expect(trainingIsOver(updateCandidate(two, 'a', { state: 'Failed' }))).toBe(true);
  });

  it('says in every phase what comes next', () => {
    for (const phase of PHASES) expect(nextText({ ...cycle(), phase }).length).toBeGreaterThan(10);
  });
});
