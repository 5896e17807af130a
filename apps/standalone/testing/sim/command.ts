import { parseArgs } from 'node:util';
import { FAULTS, singleFault } from './faults.js';
import { Laboratory } from './laboratory.js';
import { PLANTED_BUGS } from './planted-bugs.js';
import { notice, replayLine, run, undisturbed, type Outcome } from './runs.js';

/** The simulation from the command line; exit code 1 when a promise is broken. */
const { values } = parseArgs({
  options: {
    /** One seed, with its faults and its last steps. */
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '100' },
    /** Every single fault, one by one, instead of seeds. */
    single: { type: 'boolean', default: false },
    /** Every so many-th of them. */
    every: { type: 'string', default: '1' },
    /** How many seeds each planted bug may take to be noticed by every check that must. */
    bugs: { type: 'string' },
    /** Only the bug of this name. */
    bug: { type: 'string' },
  },
});

const startedMs = performance.now();
const laboratory = await Laboratory.open();
const { end, effects } = await undisturbed(laboratory);
console.log(`the undisturbed run has ${effects.length} durable effects`);
const total = { runs: 0, steps: 0, faults: 0, failures: 0 };

function count(name: string, { steps, faults, violations, report }: Outcome): void {
  total.runs++;
  total.steps += steps;
  total.faults += faults;
  if (violations.length === 0) return;
  total.failures++;
  process.exitCode = 1;
  console.log(`\n${name}\n${report}`);
}

async function seeds(first: number, last: number): Promise<void> {
  for (let seed = first; seed <= last; seed++) {
    const outcome = await run({ laboratory, seed }, end);
    count(`seed ${seed} breaks promises; replay it with: ${replayLine(seed)}`, outcome);
    if (first === last) console.log(outcome.report);
  }
}

async function singleFaults(every: number): Promise<void> {
  const all = effects.flatMap((name) => FAULTS.map((fault) => ({ name, fault })));
  for (let at = 0; at < all.length; at += every) {
    const { name, fault } = all[at]!;
    count(`${fault} at ${name} breaks promises`, await run({ laboratory, weather: singleFault({ name, fault }) }, end));
  }
}

async function plantedBugs(mostSeeds: number): Promise<void> {
  for (const bug of PLANTED_BUGS.filter(({ name }) => values.bug === undefined || name === values.bug)) {
    const { noticed, missed, lastSeed } = await notice(laboratory, bug, { expected: end, mostSeeds });
    if (missed.length > 0) process.exitCode = 1;
    const verdict = missed.length > 0 ? `not noticed by ${missed.join(', ')}` : `noticed with seed ${lastSeed}`;
    console.log(`${bug.name}: ${verdict} (${[...noticed].join(', ')})`);
  }
}

if (values.bugs !== undefined) await plantedBugs(Number(values.bugs));
else if (values.single) await singleFaults(Number(values.every));
else if (values.seed !== undefined) await seeds(Number(values.seed), Number(values.seed));
else await seeds(Number(values.from), Number(values.from) + Number(values.seeds) - 1);
await laboratory.close();
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
console.log(
  `${total.runs} runs, ${total.steps} steps, ${total.faults} faults, ${total.failures} failures, ${seconds} s`,
);
