import { describe, expect, it } from '@jest/globals';
import { forecast } from '@rondo/statistics';
import { seriesForecast } from './series-forecast.js';

const values = Float64Array.from({ length: 60 }, (_, i) => Math.sin(i) + i / 10);

describe('a forecast in a thread of its own', () => {
  it('is the same as one made in place', async () => {
    const options = { horizon: 3, confidence: 0.8 };
    const made = await seriesForecast({ values, options }, new AbortController().signal);
    expect(made).toEqual(forecast(values, options));
  });

  it('says what is wrong with its values', async () => {
    const options = { horizon: 0 };
    await expect(seriesForecast({ values, options }, new AbortController().signal)).rejects.toThrow(
      'the forecast failed: ',
    );
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    const made = seriesForecast({ values, options: { horizon: 3 } }, stop.signal);
    stop.abort(new Error('stopped'));
    await expect(made).rejects.toThrow('stopped');
  });
});
