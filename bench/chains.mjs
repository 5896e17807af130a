/** Chains of durable steps, handed on between two services: what the orchestration benches have in common. */
import { create, fromBinary } from '@bufbuild/protobuf';
import { RunJobSchema, StepFailedSchema } from '@rondo/contracts';

/** Steps of one cycle. */
export const STEPS = 8;
const [COMMANDS, FACTS] = ['rondo.platform.commands.v1', 'rondo.platform.v1'];
/** What a bus must know to carry chains. */
export const TOPICS = [COMMANDS, FACTS];
/** Keys in flight at once per service: handlers that only change state may well be many. */
const CONCURRENCY = 256;

export const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
export const ms = (value) => value.toFixed(value < 10 ? 2 : 1);
export const row = (what, result) => console.log(`| ${what} | ${result} |`);
const ascending = (list) => [...list].sort((a, b) => a - b);
export const median = (list) => quantile(ascending(list), 0.5);

const fact = (chain, step, last) => ({
  schema: StepFailedSchema,
  message: create(StepFailedSchema, {
    pipeline: chain,
    cycleId: chain,
    step: 'train',
    idempotencyKey: chain,
    attempts: step,
    code: last,
  }),
  key: chain,
});
const command = (chain, step, last) => ({
  schema: RunJobSchema,
  message: create(RunJobSchema, { service: 'worker', jobId: chain, kind: last, attempt: step }),
  key: chain,
});

/**
 * Two services hand a chain to each other: the coordinator by commands, the worker by events. Every hop is one unit of work:
 * load a document, save it, journal one message, publish it.
 */
export async function startChains(store, bus) {
  const journals = { coordinator: store.journal('coordinator'), worker: store.journal('worker') };
  const waiting = new Map();
  const hop = (service, cause, chain, step, last) =>
    journals[service].once(cause, async (unit) => {
      await unit.load('chain', chain);
      const outgoing = step >= Number(last) ? [] : [(service === 'coordinator' ? command : fact)(chain, step, last)];
      unit.save({
        kind: 'chain',
        id: chain,
        state: { step, done: outgoing.length === 0 },
        index: { done: step >= Number(last) ? 1 : 0 },
        outgoing,
      });
    });
  const handle = (service, read) => async (delivery) => {
    const { chain, step, last } = read(delivery.payload);
    await hop(service, { consumer: service, messageId: delivery.id }, chain, step + 1, last);
    if (step + 1 >= Number(last)) waiting.get(chain)();
  };
  const readCommand = (payload) => {
    const { jobId, attempt, kind } = fromBinary(RunJobSchema, payload);
    return { chain: jobId, step: attempt, last: kind };
  };
  const readFact = (payload) => {
    const { pipeline, attempts, code } = fromBinary(StepFailedSchema, payload);
    return { chain: pipeline, step: attempts, last: code };
  };
  const commands = {
    group: 'worker',
    topics: [COMMANDS],
    handle: handle('worker', readCommand),
    concurrency: CONCURRENCY,
  };
  const facts = {
    group: 'coordinator',
    topics: [FACTS],
    handle: handle('coordinator', readFact),
    concurrency: CONCURRENCY,
  };
  await bus.subscribe(commands);
  await bus.subscribe(facts);
  return (chain, hops) =>
    new Promise((resolve, reject) => {
      waiting.set(chain, resolve);
      hop('coordinator', { consumer: 'start', messageId: chain }, chain, 1, String(hops)).catch(reject);
    });
}

/**
 * p50 and p99 of chains alone, and rate and CPU of many at once, as rows of a table. Contenders take turns round by round: a machine
 * that is faster at one moment than at the next is so for all of them.
 * @param {{ name: string, run: (chain: string, hops: number) => Promise<void> }[]} contenders `run` carries out one chain
 * @param {{ alone: number, chains: number, rounds: number }} counts
 * @returns {Promise<number[][]>} chains per second, by contender and round
 */
export async function measureChains(contenders, hops, { alone, chains, rounds }) {
  const measured = contenders.map(({ name, run }) => ({
    name,
    run,
    prefix: name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'),
    times: [],
    rates: [],
    cpu: [],
  }));
  for (const { run, prefix, times } of measured)
    for (let i = 0; i < alone; i++) {
      const before = performance.now();
      await run(`${prefix}-alone-${i}`, hops);
      times.push(performance.now() - before);
    }
  for (let round = 0; round < rounds; round++)
    for (const { run, prefix, rates, cpu } of measured) {
      const cpuBefore = process.cpuUsage();
      const before = performance.now();
      await Promise.all(Array.from({ length: chains }, (_, i) => run(`${prefix}-many-${round}-${i}`, hops)));
      rates.push((chains * 1000) / (performance.now() - before));
      const { user, system } = process.cpuUsage(cpuBefore);
      cpu.push((user + system) / 1000 / chains);
    }
  for (const { name, times, rates, cpu } of measured) {
    const sorted = ascending(times);
    const each = rates.map((rate) => rate.toFixed(0)).join(', ');
    row(`${name}, alone: p50 / p99`, `${ms(quantile(sorted, 0.5))} / ${ms(quantile(sorted, 0.99))} ms`);
    row(`${name}, ${chains} at once: median (rounds)`, `${median(rates).toFixed(0)} chains/s (${each})`);
    row(`${name}, CPU per chain`, `${ms(median(cpu))} ms`);
  }
  return measured.map(({ rates }) => rates);
}
