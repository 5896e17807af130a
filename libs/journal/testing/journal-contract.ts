import { afterEach, describe, expect, it } from '@jest/globals';
import { create, fromBinary } from '@bufbuild/protobuf';
import { StepFailedSchema, TimerFiredSchema } from '@rondo/contracts';
import { Defect } from '@rondo/kernel';
import type { Bus, Delivery } from '@rondo/messaging';
import { eventually, FakeClock, nextTurn } from '@rondo/testing';
import type { Cause, Journal, Outgoing, Unit } from '../src/ports.js';

/** What an adapter can and cannot do. */
export interface JournalTraits {
  readonly survivesRestart: boolean;
  /** `tamper` is offered. */
  readonly tamperable: boolean;
}

/** One way to damage a stored entry behind the journal's back. */
export type Tampering =
  | {
      readonly kind: 'flip';
      readonly field: 'payload' | 'headers' | 'actor' | 'atMs' | 'type' | 'key' | 'messageId' | 'hash';
    }
  | { readonly kind: 'swap' }
  | { readonly kind: 'remove' };

/** A store under test, with the bus it publishes to. */
export interface JournalUnderTest {
  readonly bus: Bus;
  journal(service: string): Journal;
  /** Ends as a killed process does, and opens the same store again. */
  crash(): Promise<JournalUnderTest>;
  /** Damages the entry at `version` of a stream (`swap`: exchanges its content with that of the next one). */
  tamper(stream: string, version: number, how: Tampering): void | Promise<void>;
  dispose(): Promise<void>;
}

let count = 0;
const fresh = (): Cause => ({ consumer: 'suite', messageId: `cause-${++count}` });

/** A fact for the suite. */
export function fact(message: string, key = 'flights', headers?: Record<string, string>): Outgoing {
  return {
    schema: StepFailedSchema,
    message: create(StepFailedSchema, {
      message,
      pipeline: key,
      cycleId: 'c1',
      step: 'train',
      idempotencyKey: 'k',
      code: 'suite',
    }),
    key,
    ...(headers && { headers }),
  };
}

const timerFact = (timer: string): Outgoing => ({
  schema: TimerFiredSchema,
  message: create(TimerFiredSchema, { service: 'suite', timer, subject: 'suite' }),
  key: 'flights',
});

/** Text of a {@link fact}. */
export const textOf = (delivery: { readonly payload: Uint8Array }): string =>
  fromBinary(StepFailedSchema, delivery.payload).message;

type Start = () => Promise<JournalUnderTest & { clock: FakeClock; own: Journal }>;

/** The contract of {@link Journal}, for every adapter. `open` gives a fresh, empty store that keeps time by the clock. */
export function journalContract(
  name: string,
  open: (clock: FakeClock) => Promise<JournalUnderTest>,
  traits: JournalTraits,
): void {
  describe(`${name} honours the journal contract`, () => {
    const opened: JournalUnderTest[] = [];
    afterEach(async () => {
      for (const each of opened.splice(0).reverse()) await each.dispose();
    });
    const start: Start = async () => {
      const clock = new FakeClock();
      const subject = await open(clock);
      opened.push(subject);
      const crash = async (): Promise<JournalUnderTest> => {
        const after = await subject.crash();
        opened.push(after);
        return after;
      };
      return { ...subject, crash, clock, own: subject.journal('suite') };
    };
    units(start);
    conflicts(start);
    lists(start);
    publishing(start);
    timers(start);
    entries(start);
    (traits.survivesRestart ? describe : describe.skip)('over restarts', () => restarting(start));
    (traits.tamperable ? describe : describe.skip)('against tampering', () => tampering(start));
  });
}

const put =
  (id: string, state: unknown, more: { index?: Record<string, string | number>; outgoing?: Outgoing[] } = {}) =>
  (unit: Unit) =>
    unit.save({ kind: 'thing', id, state, ...more });

/** Every message by its first delivery: what was published may be published again, under the same id. */
const heard = async (bus: Bus, group: string): Promise<Delivery[]> => {
  const seen: Delivery[] = [];
  await bus.subscribe({
    group,
    topics: ['rondo.platform.v1', 'rondo.platform.commands.v1'],
    handle: async (delivery) => void (seen.some(({ id }) => id === delivery.id) || seen.push(delivery)),
  });
  return seen;
};

function units(start: Start): void {
  it('shows nothing outside before the commit and everything inside at once', async () => {
    const { own } = await start();
    const inside = await own.once(fresh(), async (unit) => {
      expect(await unit.load('thing', 'a')).toBeUndefined();
      put('a', { n: 1 }, { index: { colour: 'red' } })(unit);
      expect(await own.load('thing', 'a')).toBeUndefined();
      expect((await own.list('thing')).items).toEqual([]);
      expect((await unit.list('thing', { where: { colour: 'red' } })).items).toHaveLength(1);
      put('a', { n: 2 })(unit);
      expect((await unit.list('thing', { where: { colour: 'red' } })).items).toEqual([]);
      return unit.load('thing', 'a');
    });
    expect(inside).toMatchObject({ outcome: 'done', value: { state: { n: 2 }, version: 2 } });
    expect(await own.load('thing', 'a')).toMatchObject({ kind: 'thing', id: 'a', state: { n: 2 }, version: 2 });
  });

  it('carries out a cause once per consumer, also when it comes many times at the same moment', async () => {
    const { own } = await start();
    const cause = fresh();
    let runs = 0;
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => own.once(cause, (unit) => (runs++, put(`d${i}`, {})(unit)))),
    );
    expect(outcomes.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
    expect((await own.list('thing')).items).toHaveLength(1);
    expect(await own.once(cause, put('late', {}))).toEqual({ outcome: 'duplicate' });
    expect(await own.once({ ...cause, consumer: 'another' }, put('other', {}))).toMatchObject({ outcome: 'done' });
    expect(runs).toBeLessThanOrEqual(20);
  });

  it('answers for a cause that comes again whatever its work would make of it now', async () => {
    const { own } = await start();
    const cause = fresh();
    await own.once(cause, put('a', {}));
    const refusing = (): never => {
      throw new Error('it is there already');
    };
    expect(await own.once(cause, refusing)).toEqual({ outcome: 'duplicate' });
    const looking = own.once(cause, async (unit) => ((await unit.load('thing', 'a')) ? refusing() : undefined));
    expect(await looking).toEqual({ outcome: 'duplicate' });
    expect(await own.load('thing', 'a')).toMatchObject({ version: 1 });
  });

  it('keeps nothing of work that throws, and lets its cause come again', async () => {
    const { own, bus } = await start();
    const seen = await heard(bus, 'reader');
    const cause = fresh();
    const failing = own.once(cause, (unit) => {
      put('a', {}, { outgoing: [fact('never')] })(unit);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await own.load('thing', 'a')).toBeUndefined();
    expect(await own.once(cause, put('a', {}, { outgoing: [fact('now')] }))).toMatchObject({ outcome: 'done' });
    await eventually(() => seen.length === 1);
    expect(seen.map(textOf)).toEqual(['now']);
  });

  it('takes a failing unit out alone when many are committed together', async () => {
    const { own } = await start();
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => {
        const key = i === 25 ? '' : 'flights'; // an empty key is refused by the log, inside the transaction
        return own.once(fresh(), put(`d${i}`, { i }, { index: { i }, outgoing: [fact(String(i), key)] }));
      }),
    );
    expect(results.map(({ status }, i) => (status === 'rejected' ? i : -1)).filter((i) => i >= 0)).toEqual([25]);
    expect((await own.list('thing')).items).toHaveLength(49);
    expect((await own.entries({})).map(({ position }) => position)).toEqual(
      Array.from({ length: 49 }, (_, i) => i + 1),
    );
    expect(await own.verify()).toMatchObject({ intact: true, entries: 49 });
  });

  it('refuses state that JSON would change in silence, and a unit kept beyond its end', async () => {
    const { own } = await start();
    for (const value of [Number.NaN, Infinity, new Date(0), new Map(), 1n, () => 1]) {
      await expect(own.once(fresh(), put('a', { deep: [value] }))).rejects.toThrow(Defect);
    }
    await expect(own.once(fresh(), put('a', { deep: [Number.NaN] }))).rejects.toThrow('thing/a.deep[0]');
    let kept: Unit | undefined;
    await own.once(fresh(), (unit) => void (kept = unit));
    expect(() => put('a', {})(kept!)).toThrow(Defect);
  });

  it('keeps services apart', async () => {
    const { own, journal } = await start();
    const other = journal('other');
    const cause = fresh();
    await own.once(cause, put('a', { mine: true }));
    expect(await other.load('thing', 'a')).toBeUndefined();
    expect(await other.once(cause, put('a', { mine: false }, { outgoing: [fact('x')] }))).toMatchObject({
      outcome: 'done',
    });
    expect(await own.load('thing', 'a')).toMatchObject({ state: { mine: true } });
    expect(await own.entries({})).toEqual([]);
  });

  it('removes a document and lets it come back', async () => {
    const { own } = await start();
    await own.once(fresh(), put('a', {}, { index: { colour: 'red' }, outgoing: [fact('one')] }));
    await own.once(fresh(), put('b', {}, { index: { colour: 'red' } }));
    await own.once(fresh(), (unit) => {
      unit.remove('thing', 'a');
      unit.remove('thing', 'b');
      unit.remove('thing', 'never-was');
    });
    expect(await own.load('thing', 'a')).toBeUndefined();
    expect((await own.list('thing', { where: { colour: 'red' } })).items).toEqual([]);
    expect((await own.list('thing')).items).toEqual([]);
    await own.once(fresh(), put('a', { again: true }, { outgoing: [fact('two')] }));
    expect((await own.history('thing', 'a')).map(({ version }) => version)).toEqual([1, 2]);
    expect(await own.verify()).toMatchObject({ intact: true, entries: 2, streams: 1 });
  });
}

function conflicts(start: Start): void {
  it('runs work again that lost against another change, so that no change is lost', async () => {
    const { own } = await start();
    let runs = 0;
    const increment = async (unit: Unit): Promise<void> => {
      runs++;
      const before = await unit.load<{ n: number }>('thing', 'counter');
      await nextTurn();
      put('counter', { n: (before?.state.n ?? 0) + 1 })(unit);
    };
    await Promise.all(Array.from({ length: 40 }, () => own.once(fresh(), increment)));
    expect(await own.load('thing', 'counter')).toMatchObject({ state: { n: 40 }, version: 40 });
    expect(runs).toBeGreaterThan(40);
  });

  it('notices that a document was created, removed or replaced since it was looked for', async () => {
    const { own } = await start();
    const meddle = async (change: (unit: Unit) => void): Promise<number> => {
      let runs = 0;
      await own.once(fresh(), async (unit) => {
        const before = await unit.load('thing', 'a');
        if (++runs === 1) await own.once(fresh(), change);
        put('a', { seen: before?.version ?? 0 })(unit);
      });
      return runs;
    };
    expect(await meddle(put('a', {}))).toBe(2);
    expect(await meddle(put('a', {}))).toBe(2);
    expect(await meddle((unit) => unit.remove('thing', 'a'))).toBe(2);
    expect(await meddle(put('unrelated', {}))).toBe(1);
  });

  it('shows a document to a unit as it was when the unit first loaded it', async () => {
    const { own } = await start();
    await own.once(fresh(), put('a', { n: 1 }));
    const seen = await own.once(fresh(), async (unit) => {
      const read = async (id: string): Promise<number> => (await unit.load('thing', id))?.version ?? 0;
      const first = [await read('a'), await read('b')];
      await own.once(fresh(), (other) => ['a', 'b'].forEach((id) => put(id, { n: 2 })(other)));
      return [...first, await read('a'), await read('b')];
    });
    expect(seen).toMatchObject({ value: [1, 0, 1, 0] });
    expect(await own.load('thing', 'a')).toMatchObject({ version: 2 });
  });
}

function lists(start: Start): void {
  const colours = ['red', 'green', 'blue'];
  const fill = async (own: Journal): Promise<void> => {
    for (let i = 0; i < 12; i++) {
      const index = { colour: colours[i % 3]!, size: i % 4, atMs: 1000 - i };
      await own.once(fresh(), put(`t${String(i).padStart(2, '0')}`, { i }, { index }));
    }
  };
  const ids = (page: { readonly items: readonly { readonly id: string }[] }): string[] =>
    page.items.map(({ id }) => id);

  it('finds by several values, orders by a value, pages by token', async () => {
    const { own } = await start();
    await fill(own);
    expect(ids(await own.list('thing', { where: { colour: 'red' } }))).toEqual(['t00', 't03', 't06', 't09']);
    expect(ids(await own.list('thing', { where: { colour: 'red', size: 1 } }))).toEqual(['t09']);
    expect(
      ids(await own.list('thing', { where: { colour: 'red' }, orderBy: { index: 'atMs', direction: 'asc' } })),
    ).toEqual(['t09', 't06', 't03', 't00']);
    const seen: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await own.list('thing', {
        orderBy: { index: 'size', direction: 'desc' },
        limit: 5,
        ...(pageToken && { pageToken }),
      });
      seen.push(...ids(page));
      pageToken = page.nextPageToken;
    } while (pageToken);
    expect(seen).toEqual(['t11', 't07', 't03', 't10', 't06', 't02', 't09', 't05', 't01', 't08', 't04', 't00']);
    expect((await own.list('thing', { limit: 12 })).nextPageToken).toBeUndefined();
    expect((await own.list('nothing')).items).toEqual([]);
  });

  it('begins an ordered list at a value, and goes on from there by token', async () => {
    const { own } = await start();
    await fill(own);
    const query = { orderBy: { index: 'size', direction: 'asc', from: 2 }, limit: 4 } as const;
    const first = await own.list('thing', query);
    expect(ids(first)).toEqual(['t02', 't06', 't10', 't03']);
    const rest = await own.list('thing', { ...query, pageToken: first.nextPageToken! });
    expect(ids(rest)).toEqual(['t07', 't11']);
    const inside = await own.once(fresh(), async (unit) => {
      put('t06', {}, { index: { size: 1 } })(unit);
      put('new', {}, { index: { size: 2 } })(unit);
      return ids(await unit.list('thing', query));
    });
    expect(inside).toMatchObject({ value: ['new', 't02', 't10', 't03'] });
  });

  it('counts by several values, and leaves out what was removed', async () => {
    const { own } = await start();
    await fill(own);
    const counted = (): Promise<number[]> =>
      Promise.all([
        own.count('thing'),
        own.count('thing', { colour: 'red' }),
        own.count('thing', { colour: 'red', size: 1 }),
      ]);
    expect(await counted()).toEqual([12, 4, 1]);
    await own.once(fresh(), (unit) => unit.remove('thing', 't09'));
    expect(await counted()).toEqual([11, 3, 0]);
    expect(await own.count('nothing')).toBe(0);
  });

  it('forgets old index values', async () => {
    const { own } = await start();
    await own.once(fresh(), put('a', {}, { index: { colour: 'red', size: 1 } }));
    await own.once(fresh(), put('a', {}, { index: { colour: 'blue' } }));
    expect(ids(await own.list('thing', { where: { colour: 'red' } }))).toEqual([]);
    expect(ids(await own.list('thing', { where: { size: 1 } }))).toEqual([]);
    expect(ids(await own.list('thing', { where: { colour: 'blue' } }))).toEqual(['a']);
  });

  it('lays the own changes of a unit over every page', async () => {
    const { own } = await start();
    await fill(own);
    const all = async (unit: Unit | Journal): Promise<string[]> => {
      const seen: string[] = [];
      let pageToken: string | undefined;
      do {
        const page = await unit.list('thing', {
          where: { colour: 'red' },
          orderBy: { index: 'atMs', direction: 'desc' },
          limit: 2,
          ...(pageToken && { pageToken }),
        });
        seen.push(...ids(page));
        pageToken = page.nextPageToken;
      } while (pageToken);
      return seen;
    };
    const inside = await own.once(fresh(), (unit) => {
      unit.remove('thing', 't03');
      put('t06', {}, { index: { colour: 'red', atMs: 2000 } })(unit);
      put('new', {}, { index: { colour: 'red', atMs: 995 } })(unit);
      put('t09', {}, { index: { colour: 'blue', atMs: 1 } })(unit);
      return all(unit);
    });
    expect(inside).toMatchObject({ value: ['t06', 't00', 'new'] });
    expect(await all(own)).toEqual(['t06', 't00', 'new']);
  });

  it('refuses limits and tokens that make no sense', async () => {
    const { own } = await start();
    for (const limit of [0, -1, 10_001, 1.5])
      await expect(own.list('thing', { limit })).rejects.toMatchObject({ detail: { field: 'limit' } });
    for (const pageToken of [
      'x',
      Buffer.from('{"__proto__":1}').toString('base64url'),
      Buffer.from('[1,2]').toString('base64url'),
    ]) {
      await expect(own.list('thing', { pageToken })).rejects.toMatchObject({
        code: 'invalid',
        detail: { field: 'pageToken' },
      });
    }
  });
}

function publishing(start: Start): void {
  it('publishes what was saved, in order, under ids that follow from the cause', async () => {
    const { own, bus } = await start();
    const seen = await heard(bus, 'reader');
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    const cause = { ...fresh(), traceparent, actor: 'alice' };
    await own.once(cause, put('a', {}, { outgoing: [fact('one', 'flights', { cycleid: 'c1' }), fact('two')] }));
    await eventually(() => seen.length === 2);
    expect(seen.map(textOf)).toEqual(['one', 'two']);
    expect(seen[0]).toMatchObject({
      type: StepFailedSchema.typeName,
      topic: 'rondo.platform.v1',
      key: 'flights',
      source: 'rondo/suite',
      headers: { traceparent, causationid: cause.messageId, cycleid: 'c1' },
    });
    const [first, second] = await own.history('thing', 'a');
    expect([first!.messageId, second!.messageId]).toEqual(seen.map(({ id }) => id));
    expect(first).toMatchObject({ actor: 'alice', stream: 'thing/a', version: 1, position: 1 });

    const again = await start();
    const repeated = await heard(again.bus, 'reader');
    await again.own.once(cause, put('a', {}, { outgoing: [fact('one'), fact('two')] }));
    await eventually(() => repeated.length === 2);
    expect(repeated.map(({ id }) => id)).toEqual(seen.map(({ id }) => id));
  });

  it('keeps the order in which a unit told what happened, also over several documents', async () => {
    const { own, bus } = await start();
    const seen = await heard(bus, 'reader');
    await own.once(fresh(), (unit) => {
      put('cycle', { phase: 'waits' }, { outgoing: [fact('asked')] })(unit);
      put('approval', {}, { outgoing: [fact('voted')] })(unit);
      put('cycle', { phase: 'goes on' }, { outgoing: [fact('begun'), fact('told')] })(unit);
    });
    await eventually(() => seen.length === 4);
    expect(seen.map(textOf)).toEqual(['asked', 'voted', 'begun', 'told']);
    const entries = await own.entries({});
    expect(entries.map((entry) => [textOf(entry), entry.stream, entry.version])).toEqual([
      ['asked', 'thing/cycle', 1],
      ['voted', 'thing/approval', 1],
      ['begun', 'thing/cycle', 2],
      ['told', 'thing/cycle', 3],
    ]);
    expect(await own.verify()).toMatchObject({ intact: true, entries: 4, streams: 2 });
  });

  it('has committed before a handler sees the message, and lets the handler answer by the same means', async () => {
    const { own, bus } = await start();
    const states: unknown[] = [];
    const answers: string[] = [];
    await bus.subscribe({
      group: 'answering',
      topics: ['rondo.platform.v1'],
      handle: async (delivery) => {
        const version = (await own.load('thing', 'a'))?.version;
        if (!answers.includes(textOf(delivery))) {
          states.push(version);
          answers.push(textOf(delivery));
        }
        const n = Number(textOf(delivery));
        if (n < 5)
          await own.once(
            { consumer: 'answering', messageId: delivery.id },
            put('a', {}, { outgoing: [fact(String(n + 1))] }),
          );
      },
    });
    await own.once(fresh(), put('a', {}, { outgoing: [fact('1')] }));
    await eventually(() => answers.length === 5);
    expect(answers).toEqual(['1', '2', '3', '4', '5']);
    expect(states).toEqual([1, 2, 3, 4, 5]);
  });
}

function timers(start: Start): void {
  it('delivers a timer once, at its time, not before', async () => {
    const { own, bus, clock } = await start();
    const seen = await heard(bus, 'reader');
    const atMs = clock.now() + 5000;
    await own.once(fresh(), (unit) => unit.schedule({ id: 't', atMs, outgoing: timerFact('t') }));
    await clock.advance(4999);
    await nextTurn();
    expect(seen).toEqual([]);
    await clock.advance(1);
    await eventually(() => seen.length === 1);
    await clock.advance(60_000);
    await nextTurn();
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ type: TimerFiredSchema.typeName, timeMs: atMs });
  });

  it('replaces a timer with the same id, in either direction, and cancels', async () => {
    const { own, bus, clock } = await start();
    const seen = await heard(bus, 'reader');
    const names = (): string[] => seen.map(({ payload }) => fromBinary(TimerFiredSchema, payload).timer);
    const set = (id: string, inMs: number, name: string): Promise<unknown> =>
      own.once(fresh(), (unit) => unit.schedule({ id, atMs: clock.now() + inMs, outgoing: timerFact(name) }));
    await set('a', 5000, 'a-late');
    await set('a', 1000, 'a-early');
    await set('b', 1000, 'b-early');
    await set('b', 3000, 'b-late');
    await set('c', 2000, 'c');
    await own.once(fresh(), (unit) => unit.cancelTimer('c'));
    await own.once(fresh(), (unit) => unit.cancelTimer('never-was'));
    await clock.advance(1000);
    await eventually(() => seen.length === 1);
    await clock.advance(10_000);
    await eventually(() => seen.length === 2);
    await nextTurn();
    expect(names()).toEqual(['a-early', 'b-late']);
  });

  it('sets no timer when the unit fails', async () => {
    const { own, bus, clock } = await start();
    const seen = await heard(bus, 'reader');
    const failing = own.once(fresh(), (unit) => {
      unit.schedule({ id: 't', atMs: clock.now(), outgoing: timerFact('t') });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await clock.advance(1000);
    await nextTurn();
    expect(seen).toEqual([]);
  });
}

function entries(start: Start): void {
  it('answers which entries there are, by place, key, cycle and actor', async () => {
    const { own } = await start();
    for (let i = 1; i <= 6; i++) {
      const cause = { ...fresh(), actor: i % 2 ? 'alice' : 'bob' };
      await own.once(
        cause,
        put(`t${i}`, {}, { outgoing: [fact(String(i), i <= 3 ? 'k1' : 'k2', { cycleid: `c${i % 3}` })] }),
      );
    }
    const texts = async (query: Parameters<Journal['entries']>[0]): Promise<string[]> =>
      (await own.entries(query)).map(textOf);
    expect(await texts({})).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(await texts({ afterPosition: 2, beforePosition: 5 })).toEqual(['3', '4']);
    expect(await texts({ newestFirst: true, limit: 2 })).toEqual(['6', '5']);
    expect(await texts({ key: 'k2' })).toEqual(['4', '5', '6']);
    expect(await texts({ cycleId: 'c1' })).toEqual(['1', '4']);
    expect(await texts({ actor: 'bob', key: 'k2' })).toEqual(['4', '6']);
    expect((await own.history('thing', 't3')).map(textOf)).toEqual(['3']);
    await expect(own.entries({ limit: 0 })).rejects.toMatchObject({ code: 'invalid' });
  });
}

function restarting(start: Start): void {
  it('keeps documents, inbox, entries, timers and messages over a crash', async () => {
    const subject = await start();
    const cause = fresh();
    await subject.own.once(cause, (unit) => {
      put('a', { n: 1 }, { index: { colour: 'red' }, outgoing: [fact('one')] })(unit);
      unit.schedule({ id: 't', atMs: subject.clock.now() + 1000, outgoing: timerFact('t') });
    });
    const after = await subject.crash();
    const own = after.journal('suite');
    const seen = await heard(after.bus, 'reader');
    expect(await own.load('thing', 'a')).toMatchObject({ state: { n: 1 }, version: 1 });
    expect((await own.list('thing', { where: { colour: 'red' } })).items).toHaveLength(1);
    expect(await own.once(cause, put('a', { n: 2 }))).toEqual({ outcome: 'duplicate' });
    await own.once(fresh(), put('a', { n: 2 }, { outgoing: [fact('two')] }));
    await subject.clock.advance(1000);
    await eventually(() => seen.length === 3);
    expect((await own.history('thing', 'a')).map(({ version, position }) => [version, position])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(await own.verify()).toMatchObject({ intact: true, entries: 2, streams: 1 });
  });
}

function tampering(start: Start): void {
  const prepare = async (): Promise<JournalUnderTest & { own: Journal }> => {
    const subject = await start();
    for (let i = 1; i <= 4; i++) {
      for (const id of ['a', 'b']) {
        await subject.own.once(fresh(), put(id, { i }, { outgoing: [fact(`${id}${i}`, 'flights', { cycleid: 'c' })] }));
      }
    }
    expect(await subject.own.verify()).toEqual({ intact: true, entries: 8, streams: 2 });
    return subject;
  };

  for (const field of ['payload', 'headers', 'actor', 'atMs', 'type', 'key', 'messageId', 'hash'] as const) {
    it(`finds one changed bit in the ${field} of an entry`, async () => {
      const { own, tamper } = await prepare();
      await tamper('thing/b', 2, { kind: 'flip', field });
      expect(await own.verify()).toMatchObject({ intact: false, broken: { stream: 'thing/b', version: 2 } });
    });
  }

  it('finds entries that changed places', async () => {
    const { own, tamper } = await prepare();
    await tamper('thing/a', 2, { kind: 'swap' });
    const { intact, broken } = await own.verify();
    expect(intact).toBe(false);
    expect(['thing/a 2', 'thing/a 3']).toContain(`${broken?.stream} ${broken?.version}`);
  });

  it('finds a removed entry, in the middle and at the end of a stream', async () => {
    const middle = await prepare();
    await middle.tamper('thing/a', 2, { kind: 'remove' });
    const report = await middle.own.verify();
    expect(report).toMatchObject({ intact: false, broken: { stream: 'thing/a', version: 3 } });
    expect(report.broken!.explanation).toContain('version 2');
    const end = await prepare();
    await end.tamper('thing/b', 4, { kind: 'remove' });
    expect(await end.own.verify()).toMatchObject({ intact: false, broken: { stream: 'thing/b', version: 4 } });
  });
}
