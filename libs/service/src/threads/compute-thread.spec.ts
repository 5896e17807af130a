import { afterAll, describe, expect, it } from '@jest/globals';
import { Defect, PermanentError, TransientError } from '@rondo/kernel';
import type { ExampleRequest } from '../../testing/threads/example-worker.js';
import { computeInThread, ComputeThread } from './compute-thread.js';

const options = {
  entry: new URL('../../testing/threads/example-worker.js', import.meta.url),
  name: 'example',
  heapMbMax: 32,
};
const patient = (): { signal: AbortSignal } => ({ signal: new AbortController().signal });
const thread = new ComputeThread<ExampleRequest, number>(options);

afterAll(() => thread.close());

describe('a thread for computations', () => {
  it('computes one request after the other, in one thread, and takes over what is transferred', async () => {
    const values = Float64Array.of(1, 2, 3);
    const before = await thread.ask({ kind: 'count-requests' }, patient());
    const [sum, requests] = await Promise.all([
      thread.ask({ kind: 'sum', values }, { ...patient(), transfer: [values.buffer] }),
      thread.ask({ kind: 'count-requests' }, patient()),
    ]);
    expect({ sum, requests, left: values.length }).toEqual({ sum: 6, requests: before + 2, left: 0 });
  });

  it('tells how far it is', async () => {
    const told: number[] = [];
    await thread.ask({ kind: 'report' }, { ...patient(), onProgress: (progress) => told.push(progress) });
    expect(told).toEqual([0.5, 1]);
  });

  it('hands on a refusal with its code, field, value and rule, and a broken computation as a defect', async () => {
    const refused = thread.ask({ kind: 'refuse' }, patient());
    await expect(refused).rejects.toBeInstanceOf(PermanentError);
    await expect(refused).rejects.toMatchObject({
      code: 'invalid',
      message: 'values: needs one',
      detail: { field: 'values', value: 0, rule: 'at least one' },
    });
    const broken = thread.ask({ kind: 'break' }, patient());
    await expect(broken).rejects.toBeInstanceOf(Defect);
    await expect(broken).rejects.toThrow('not a function');
  });

  it('refuses what cannot be sent, and goes on', async () => {
    const unsendable = { kind: 'sum', values: () => undefined } as unknown as ExampleRequest;
    await expect(thread.ask(unsendable, patient())).rejects.toThrow('could not be cloned');
    await expect(thread.ask({ kind: 'sum', values: Float64Array.of(4) }, patient())).resolves.toBe(4);
  });

  it('says that it died, and computes the next request in a new thread', async () => {
    const died = thread.ask({ kind: 'die' }, patient());
    const next = thread.ask({ kind: 'count-requests' }, patient());
    await expect(died).rejects.toBeInstanceOf(TransientError);
    await expect(died).rejects.toThrow('the thread example stopped with 7');
    await expect(next).resolves.toBe(1);
  });

  it('bounds the heap: what needs more is refused for good', async () => {
    const greedy = thread.ask({ kind: 'use-memory' }, patient());
    await expect(greedy).rejects.toBeInstanceOf(PermanentError);
    await expect(greedy).rejects.toMatchObject({ code: 'exhausted', detail: { reason: 'OUT_OF_MEMORY' } });
  });

  it('stops at the signal, with its reason; a request that was stopped before its turn is never begun', async () => {
    const stop = new AbortController();
    const endless = thread.ask({ kind: 'never-end' }, stop);
    const waiting = thread.ask({ kind: 'die' }, stop);
    const other = thread.ask({ kind: 'count-requests' }, patient());
    const reason = new Error('the job was cancelled');
    stop.abort(reason);
    await expect(endless).rejects.toBe(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(other).resolves.toBe(1);
  });

  it('rejects what it computes and what comes later when it is closed', async () => {
    const closing = new ComputeThread<ExampleRequest, number>(options);
    const endless = closing.ask({ kind: 'never-end' }, patient());
    await Promise.all([expect(endless).rejects.toBeInstanceOf(TransientError), begun().then(() => closing.close())]);
    await expect(closing.ask({ kind: 'count-requests' }, patient())).rejects.toThrow('the thread example is closed');
  });

  it('computes single requests in threads of their own', async () => {
    const count = () => computeInThread<ExampleRequest, number>(options, { kind: 'count-requests' }, patient());
    expect(await Promise.all([count(), count()])).toEqual([1, 1]);
  });
});

/** A request is begun within the turn of the event loop it was asked in. */
const begun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
