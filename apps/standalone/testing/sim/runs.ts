import { differences, finalState, type FinalState } from './final-state.js';
import { violations } from '../invariants.js';
import type { CheckName, Violation } from '../promises.js';
import type { Laboratory } from './laboratory.js';
import { newerAndOlder } from './newer-and-older.js';
import { seedsFor, type PlantedBug } from './planted-bugs.js';
import { replayDifferences } from './replay.js';
import { remainsOf } from './remains.js';
import { Simulation, type SimulationOptions } from './simulation.js';

/** What a run came to. */
export interface Outcome {
  readonly violations: readonly Violation[];
  readonly steps: number;
  readonly faults: number;
  /** Faults and the last things that happened, for people. */
  readonly report: string;
}

/** One in so many seeds is replayed, which takes as long as the run itself; of every kind, so that it shares no factor with the others. */
const REPLAYED_SEEDS = 19;

/**
 * Runs the story and checks what must hold afterwards.
 * @param isReplayed whether its log is replayed as well
 */
export async function run(
  options: SimulationOptions,
  expected?: FinalState,
  isReplayed = options.seed !== undefined && options.seed % REPLAYED_SEEDS === 0,
): Promise<Outcome> {
  const simulation = new Simulation(options);
  try {
    await simulation.run();
    const found = [
      ...(await violations(remainsOf(simulation))),
      ...(await newerAndOlder(simulation)).map((message) => ({ check: 'newer-and-older' as const, message })),
      ...(isReplayed ? await logReplays(simulation) : []),
    ];
    // Who acts at a moment of their own, or before the services were done, may bring about another end.
    const isComparable = !simulation.story.overrides && !simulation.weather.hurried;
    if (expected && isComparable) found.push(...differences(expected, await finalState(simulation)));
    const { steps } = simulation.world;
    return { violations: found, steps, faults: simulation.weather.log.length, report: reportOf(simulation, found) };
  } finally {
    await simulation.close();
  }
}

async function logReplays(simulation: Simulation): Promise<Violation[]> {
  return (await replayDifferences(simulation)).map((message) => ({ check: 'log-replays', message }));
}

/** Which checks noticed a planted bug, and with which seed the last of those that must. */
export interface Notice {
  readonly noticed: ReadonlySet<CheckName>;
  /** Checks that must notice it and did not. */
  readonly missed: readonly CheckName[];
  readonly lastSeed: number;
}

/** Runs a planted bug until every check that must notice it has done so, with `mostSeeds` seeds of the usual order at most. */
export async function notice(
  laboratory: Laboratory,
  bug: PlantedBug,
  { expected, mostSeeds }: { readonly expected: FinalState; readonly mostSeeds: number },
): Promise<Notice> {
  const noticed = new Set<CheckName>();
  const missed = (): CheckName[] => bug.caughtBy.filter((check) => !noticed.has(check));
  const isReplayed = bug.caughtBy.includes('log-replays');
  let lastSeed = 0;
  for (lastSeed of seedsFor(bug, mostSeeds)) {
    const { violations } = await run({ laboratory, seed: lastSeed, mutation: bug.mutation() }, expected, isReplayed);
    for (const { check } of violations) noticed.add(check);
    if (missed().length === 0) break;
  }
  return { noticed, missed: missed(), lastSeed };
}

/** The end of the story when nothing goes wrong, and every durable effect on the way. */
export async function undisturbed(
  laboratory: Laboratory,
): Promise<{ readonly end: FinalState; readonly effects: readonly string[] }> {
  const simulation = new Simulation({ laboratory });
  try {
    await simulation.run();
    const found = [...(await violations(remainsOf(simulation))), ...(await logReplays(simulation))];
    if (found.length > 0) throw new Error(`the undisturbed run breaks promises\n${reportOf(simulation, found)}`);
    return { end: await finalState(simulation), effects: simulation.effects.map(({ name }) => name) };
  } finally {
    await simulation.close();
  }
}

/** One line of a seed's failure, with the command that replays it. */
export function replayLine(seed: number): string {
  return `npm run sim -- --seed ${seed}`;
}

const TAIL = 40;

function reportOf(simulation: Simulation, found: readonly Violation[]): string {
  const complaints = simulation.log.lines.filter(({ level }) => level === 'warn' || level === 'error');
  const section = (title: string, lines: readonly string[]): string =>
    `${title}\n${lines.map((line) => `  ${line}`).join('\n')}`;
  return [
    section(
      'broken promises',
      found.map(({ check, message }) => `${check}: ${message}`),
    ),
    section('faults', simulation.weather.log),
    section(
      'said by the services',
      complaints.slice(-TAIL).map(({ message, error }) => `${message} ${error === undefined ? '' : String(error)}`),
    ),
    section(`the last of ${simulation.world.steps} steps`, simulation.world.trace.slice(-TAIL)),
  ].join('\n');
}
