import { afterAll, describe, expect, it } from '@jest/globals';
import { PermanentError, seededRandom } from '@rondo/kernel';
import { classificationEstimates } from '@rondo/statistics';
import { MeasuringThread } from './measuring-thread.js';

const random = seededRandom(11);
const probabilities = Float32Array.from({ length: 5000 }, () => random.next());
const labels = probabilities.map((probability) => (random.next() < probability ? 1 : 0));
const signal = new AbortController().signal;
const thread = new MeasuringThread();

afterAll(() => thread.onModuleDestroy());

describe("training's thread", () => {
  it('gives the metrics that are given in place', async () => {
    const inPlace = classificationEstimates(labels, probabilities);
    expect(await thread.measure({ labels: labels.slice(), probabilities: probabilities.slice() }, signal)).toEqual(
      inPlace,
    );
  });

  it('says which value broke which rule', async () => {
    const refused = thread.measure({ labels: Float32Array.of(0, 2), probabilities: Float32Array.of(0.5, 0.5) }, signal);
    await expect(refused).rejects.toBeInstanceOf(PermanentError);
    await expect(refused).rejects.toMatchObject({ code: 'invalid', detail: { field: 'labels[1]', value: 2 } });
  });
});
