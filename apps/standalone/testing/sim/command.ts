import { parseArgs } from 'node:util';
import { Laboratory } from './laboratory.js';
import { replayLine, run, undisturbed } from './runs.js';

/** Runs seeds from the command line; exit code 1 when a promise is broken. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '100' },
  },
});

const one = values.seed === undefined ? undefined : Number(values.seed);
const first = one ?? Number(values.from);
const last = one ?? first + Number(values.seeds) - 1;
const startedMs = performance.now();
const laboratory = await Laboratory.open();
const { end, effects } = await undisturbed(laboratory);
console.log(`the undisturbed run has ${effects.length} durable effects`);
let steps = 0;
let faults = 0;
let failed = 0;
for (let seed = first; seed <= last; seed++) {
  const outcome = await run({ laboratory, seed }, end);
  steps += outcome.steps;
  faults += outcome.faults;
  if (outcome.violations.length > 0) {
    failed++;
    process.exitCode = 1;
    console.log(`\nseed ${seed} breaks promises; replay it with: ${replayLine(seed)}\n${outcome.report}`);
  } else if (one !== undefined) console.log(outcome.report);
}
await laboratory.close();
const seconds = (performance.now() - startedMs) / 1000;
console.log(`seeds ${first} to ${last}: ${steps} steps, ${faults} faults, ${failed} failures, ${seconds.toFixed(1)} s`);
