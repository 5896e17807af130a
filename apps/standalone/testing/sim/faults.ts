import { seededRandom, type Random } from '@rondo/kernel';

/** A durable effect that is about to happen. */
export interface Effect {
  /** What it is: a commit of a unit of work, a publication that goes past a journal, bytes that are stored. */
  readonly kind: 'commit' | 'publish' | 'put';
  readonly service: string;
  /** The same in every run of the same seed; with its occurrence it names the effect. */
  readonly name: string;
  /** Whether a failure uses up one of the few attempts of a durable job. */
  readonly costsAttempt: boolean;
}

/** What may go wrong with it: `lost` = it happened, but the one who asked is told that it failed. */
export type Fault = 'none' | 'fail' | 'lost' | 'crash-before' | 'crash-after';
export const FAULTS = ['fail', 'lost', 'crash-before', 'crash-after'] as const;

/** How the surroundings treat messages and effects. Every method may be called in any order. */
export interface Weather {
  /** What happens to this effect. */
  at(effect: Effect): Fault;
  /** Time a message takes to a consumer, ms. */
  delayMs(): number;
  /** By how many messages a lane is set back after a delivery that went well, or after a crash. */
  setBack(crashed: boolean): number;
  /** How far the clock of a service is off, ms. */
  skewMs(service: string): number;
  /** How long the process of a service stands still before its next effect, ms; 0 = it does not. */
  freezeMs(service: string): number;
  /** Whether services may have several processes, which look after each other's work. */
  readonly freezes: boolean;
  /** Whether the unit of work that begins is done by a process of the next release, which shares the work with those of this one. */
  isNewer(): boolean;
  /** Time until a dead service is started again, ms. */
  restartMs(): number;
  /** Whether the story goes on although the services are still at work. */
  hurries(): boolean;
  /** Whether it ever went on so; then the end depends on moments and cannot be compared. */
  readonly hurried: boolean;
  /** Every fault so far, for the report. */
  readonly log: readonly string[];
}

/** Nothing ever goes wrong. */
export function fairWeather(): Weather {
  return {
    at: () => 'none',
    delayMs: () => 0,
    setBack: () => 0,
    skewMs: () => 0,
    freezeMs: () => 0,
    freezes: false,
    isNewer: () => false,
    restartMs: () => 0,
    hurries: () => false,
    hurried: false,
    log: [],
  };
}

/** One fault at one effect, and none else. */
export function singleFault(target: {
  readonly name: string;
  readonly fault: Fault;
}): Weather & { readonly hit: boolean } {
  const log: string[] = [];
  return {
    ...fairWeather(),
    log,
    get hit() {
      return log.length > 0;
    },
    at: ({ name }) => {
      if (name !== target.name || log.length > 0) return 'none';
      log.push(`${target.fault} at ${name}`);
      return target.fault;
    },
    setBack: (crashed) => (crashed ? 1 : 0),
  };
}

/** Failures of one service that cost attempts; a job that fails more often is given up, which is right but another story. */
const ATTEMPTS_COST_MAX = 2;
const CRASHES_MAX = 6;
const FREEZES_MAX = 2;
const FREEZE_CHANCE = 0.02;
/** In one of so many seeds processes stand still. */
const FREEZING_SEEDS = 5;
const MINUTE_MS = 60_000;
/** Shorter and longer than the lease of a job. */
const FROZEN_MOST_MS = 10 * MINUTE_MS;

/** The seeds in which processes stand still, from 0: the 3rd, the 8th and so on. */
export function freezingSeed(index: number): number {
  return FREEZING_SEEDS * index + 3;
}

/** In one of so many seeds processes of the next release work beside those of this one, for a while. */
const MIXED_SEEDS = 7;
const MIXED_UNITS_LEAST = 100;
const MIXED_UNITS_MOST = 350;

/** The seeds in which they do, from 0: the 3rd, the 10th and so on. */
export function mixedSeed(index: number): number {
  return MIXED_SEEDS * index + 3;
}

/** Weather of a seed: each seed draws its own mixture of faults, so that some runs see one kind only and some see all. */
export function storm(seed: number): Weather {
  const random = seededRandom(seed ^ 0x5eed);
  const mix = mixtureOf(random);
  const log: string[] = [];
  const cost = new Map<string, number>();
  let crashes = 0;
  const affordable = ({ service, costsAttempt }: Effect, fault: Fault): boolean => {
    const crash = fault.startsWith('crash');
    if (crash && crashes >= CRASHES_MAX) return false;
    if ((crash || costsAttempt) && (cost.get(service) ?? 0) >= ATTEMPTS_COST_MAX) return false;
    if (crash || costsAttempt) cost.set(service, (cost.get(service) ?? 0) + 1);
    if (crash) crashes++;
    return true;
  };
  // Drawn apart, so that the other seeds keep the weather they always had.
  const cold = seededRandom(seed ^ 0xc01d);
  const freezes = seed % FREEZING_SEEDS === freezingSeed(0);
  let frozen = 0;
  const freezeMs = (service: string): number => {
    if (!freezes || frozen === FREEZES_MAX || cold.next() >= FREEZE_CHANCE) return 0;
    if ((cost.get(service) ?? 0) >= ATTEMPTS_COST_MAX) return 0;
    cost.set(service, (cost.get(service) ?? 0) + 1);
    frozen++;
    const forMs = 1_000 + cold.int(FROZEN_MOST_MS);
    log.push(`${service} stands still for ${forMs} ms`);
    return forMs;
  };
  const releases = seededRandom(seed ^ 0x0e17);
  const mixedUnits = MIXED_UNITS_LEAST + releases.int(MIXED_UNITS_MOST - MIXED_UNITS_LEAST);
  let units = 0;
  const isNewer = (): boolean => {
    if (seed % MIXED_SEEDS !== mixedSeed(0) || ++units > mixedUnits) return false;
    if (units === mixedUnits) log.push('all processes are of this release again');
    return releases.next() < 0.5;
  };
  const at = (effect: Effect): Fault => {
    const fault = drawn(random, mix);
    if (fault === 'none' || !affordable(effect, fault)) return 'none';
    log.push(`${fault} at ${effect.name}`);
    return fault;
  };
  return {
    log,
    at,
    freezeMs,
    freezes,
    isNewer,
    delayMs: () => (random.next() < mix.delay ? random.int(20_000) : 0),
    setBack: (crashed) => (random.next() < (crashed ? 0.5 : mix.repeat) ? 1 + random.int(crashed ? 20 : 3) : 0),
    skewMs: () => (mix.skew ? random.int(20 * MINUTE_MS) - 10 * MINUTE_MS : 0),
    restartMs: () => random.int(30_000),
    hurries: () => mix.hurry > 0 && random.next() < mix.hurry,
    hurried: mix.hurry > 0,
  };
}

interface Mixture {
  readonly fail: number;
  readonly lost: number;
  readonly crash: number;
  readonly delay: number;
  readonly repeat: number;
  readonly hurry: number;
  readonly skew: boolean;
}

function mixtureOf(random: Random): Mixture {
  const sometimes = (most: number): number => (random.next() < 0.6 ? random.next() * most : 0);
  return {
    fail: sometimes(0.1),
    lost: sometimes(0.1),
    crash: sometimes(0.03),
    delay: sometimes(0.3),
    repeat: sometimes(0.2),
    hurry: random.next() < 0.3 ? random.next() * 0.05 : 0,
    skew: random.next() < 0.5,
  };
}

function drawn(random: Random, mix: Mixture): Fault {
  let draw = random.next();
  for (const [fault, chance] of [
    ['fail', mix.fail],
    ['lost', mix.lost],
    ['crash-before', mix.crash / 2],
    ['crash-after', mix.crash / 2],
  ] as const) {
    if (draw < chance) return fault;
    draw -= chance;
  }
  return 'none';
}
