import { describe, expect, it } from '@jest/globals';
import type { LoadedModel } from '@rondo/models';
import { EndpointServer, type Answer } from './endpoint-server.js';
import type { ModelPool } from './model-pool.js';
import type { LoggedRows, PredictionLog } from './prediction-log.js';
import { ShadowQueue } from './shadow-queue.js';

const model = (digest: string): LoadedModel => ({ digest, features: 1, engine: 'onnxruntime' }) as LoadedModel;

/** A server whose candidate fails as told, with everything that reached the log. */
function serverWith(candidate: () => Promise<Float32Array>) {
  const logged: LoggedRows[] = [];
  const clock = { nowMs: 0 };
  let asked = 0;
  const score: ModelPool['score'] = ({ digest }, _rows, n) => {
    if (digest === 'champion') return Promise.resolve(new Float32Array(n).fill(0.25));
    asked += 1;
    return candidate();
  };
  const place = { handle: 'r', fill: (rows: LoggedRows) => void logged.push(rows) };
  const shadows = new ShadowQueue(1_000);
  const server = new EndpointServer(
    {
      endpoint: 'e',
      pipeline: 'p',
      epoch: 1,
      champion: { name: 'm', version: 1, digest: 'champion' },
      candidate: { name: 'm', version: 2, digest: 'candidate' },
      weightPercent: 100,
      shadow: false,
      rolloutId: 'r',
    },
    model('champion'),
    model('candidate'),
    {
      pool: { score } as unknown as ModelPool,
      log: { request: () => place, row: () => place } as unknown as PredictionLog,
      shadows,
      now: () => clock.nowMs,
      observe: () => undefined,
      uncompared: () => undefined,
      serves: () => undefined,
    },
  );
  const infer = (count = 1): Promise<Answer> =>
    server.infer({
      id: '',
      rows: new Float32Array(count),
      count,
      keys: Array.from({ length: count }, (_, i) => `k${i}`),
    });
  return { infer, logged, shadows, clock, asked: () => asked };
}

describe('a candidate that crashes', () => {
  it('is answered for by the champion, each time, and counted', async () => {
    const { infer, logged } = serverWith(() => Promise.reject(new Error('the worker ended')));
    const answer = await infer(3);
    expect([...answer.probabilities]).toEqual([0.25, 0.25, 0.25]);
    expect(answer.byCandidate).toBeUndefined();
    expect(logged).toMatchObject([{ championErrors: 0, candidateErrors: 3, candidateLatencyMs: 0 }]);
    expect(Array.from(logged[0]!.assigned)).toEqual([1, 1, 1]);
  });

  it('fails one request, however many rows it has', async () => {
    const { infer, logged } = serverWith(() => Promise.reject(new Error('the worker ended')));
    await infer(64);
    expect(logged).toMatchObject([{ candidateErrors: 64, candidateRequests: 1, candidateFailedRequests: 1 }]);
    expect(logged).toMatchObject([{ championRequests: 1, championFailedRequests: 0 }]);
  });

  it('rests after five failures in a row, is held to nothing it was not asked for, and gets another chance later', async () => {
    const { infer, logged, asked, clock } = serverWith(() => Promise.reject(new Error('deadline-exceeded')));
    for (let i = 0; i < 20; i++) await infer();
    expect(asked()).toBe(5);
    expect(logged.length).toBe(20);
    const total = (field: 'candidateErrors' | 'candidateRequests' | 'candidateFailedRequests' | 'championRequests') =>
      logged.reduce((sum, rows) => sum + rows[field], 0);
    expect(total('candidateErrors')).toBe(5);
    expect(total('candidateRequests')).toBe(5);
    expect(total('candidateFailedRequests')).toBe(5);
    expect(total('championRequests')).toBe(20);
    expect(logged.every(({ assigned, byCandidate }) => assigned[0] === 1 && byCandidate[0] === 0)).toBe(true);
    clock.nowMs += 10_000;
    await infer();
    expect(asked()).toBe(6);
    expect(total('candidateFailedRequests')).toBe(6);
  });
});

describe('a candidate that recovers', () => {
  it('answers its rows, which the champion scores afterwards', async () => {
    let failures = 4;
    const { infer, logged, shadows } = serverWith(() =>
      failures-- > 0 ? Promise.reject(new Error('busy')) : Promise.resolve(Float32Array.of(0.75)),
    );
    for (let i = 0; i < 5; i++) await infer();
    await shadows.idle();
    expect(logged.at(-1)).toMatchObject({ candidateErrors: 0, championErrors: 0 });
    expect(logged.at(-1)).toMatchObject({ candidateRequests: 1, candidateFailedRequests: 0, championRequests: 1 });
    expect([logged.at(-1)!.championScores[0], logged.at(-1)!.candidateScores[0]]).toEqual([0.25, 0.75]);
  });
});
