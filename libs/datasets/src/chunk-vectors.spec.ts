import { describe, expect, it } from '@jest/globals';
import { doublesOf, floatsOf } from './chunk-vectors.js';
import { Session, openInstance } from './session.js';

const LIMITS = { threads: 1, memoryMb: 256, statementMs: 10_000 };

describe('the driver still keeps typed arrays under its vectors', () => {
  it('reads FLOAT and DOUBLE without a copy and refuses a confusion of the two', async () => {
    const instance = await openInstance(LIMITS);
    const [chunk] = await Session.use(instance, LIMITS, undefined, (session) =>
      session.chunks('SELECT i::FLOAT / 2 AS f, i::DOUBLE / 3 AS d, i::VARCHAR AS s FROM range(5) t(i)'),
    );
    expect([...floatsOf(chunk!, 0)]).toEqual([0, 0.5, 1, 1.5, 2]);
    expect([...doublesOf(chunk!, 1)]).toEqual([0, 1 / 3, 2 / 3, 1, 4 / 3]);
    expect(() => floatsOf(chunk!, 1)).toThrow('32-bit');
    expect(() => doublesOf(chunk!, 0)).toThrow('64-bit');
    expect(() => floatsOf(chunk!, 2)).toThrow('items');
    instance.closeSync();
  });
});
