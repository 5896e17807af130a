import type { Clock, Random } from '@rondo/kernel';
import { FakeClock, nextTurn } from '@rondo/testing';

/** A process that may die: what belongs to a dead one never goes on. */
export interface Process {
  readonly service: string;
  /** 1 for the first start, one more after each crash. */
  readonly start: number;
  alive: boolean;
  /** It stands still and does not know; others take it for dead. */
  frozen: boolean;
  /** What it missed meanwhile. */
  readonly missed: (() => void)[];
  /** How far the clock on its wall is ahead of true time, ms; negative when it is behind. */
  readonly skewMs: number;
}

/** Something that waits until the schedule lets it happen. */
interface Turn {
  readonly label: string;
  readonly process: Process | undefined;
  readonly readyAtMs: number;
  /** Step in which it began to wait. */
  readonly since: number;
  readonly go: () => void;
}

/** Wakes further away than this are waiting, not work: retries come back within a minute by a clock that may be ten minutes off. */
const SOON_MS = 15 * 60_000;
/** Where replicas look after each other there is always a next look: nothing is left to do when so long nothing else went on. */
const IDLE_MS = 20 * 60_000;
/** Turns of the event loop without any activity after which everything that could go on has gone on. */
const QUIET_TURNS = 2;

/**
 * One thread of time for all services. Between two steps everything runs until it waits at a turn, for a wake or for
 * nothing; then one turn is chosen, by the seed, and goes. So a run is a sequence of choices, and equal choices give equal
 * runs.
 */
export class World {
  readonly clock = new FakeClock(Date.UTC(2026, 0, 1));
  /** Work outside the schedule (a computation that was not done before); no step is taken while it runs. */
  readonly outside = new Set<Promise<unknown>>();
  steps = 0;
  /** What went, in order. */
  readonly trace: string[] = [];
  readonly #choose: Random | undefined;
  readonly #turns: Turn[] = [];
  readonly #activity: () => number;
  readonly #isWatched: boolean;
  #lastTurnMs = this.clock.now();

  /**
   * @param choose picks among what may happen next; without it the oldest goes first
   * @param activity rises whenever something goes on by itself
   * @param isWatched services look at each other's work again and again
   */
  constructor(choose: Random | undefined, activity: () => number, isWatched: boolean) {
    this.#choose = choose;
    this.#activity = activity;
    this.#isWatched = isWatched;
  }

  /** The clock of one process: skewed, late when the process is frozen, and still when it is dead. */
  clockOf(process: Process): Clock {
    return {
      now: () => this.clock.now() + process.skewMs,
      wakeAt: (atMs, wake) => {
        let isWanted = true;
        const wakeUp = (): void => {
          if (!process.alive || !isWanted) return;
          if (process.frozen) process.missed.push(wakeUp);
          else wake();
        };
        const cancel = this.clock.wakeAt(atMs - process.skewMs, wakeUp);
        return () => {
          isWanted = false;
          cancel();
        };
      },
    };
  }

  /** Calls `go` when the schedule says so, not before `delayMs` have passed; never when the process has died by then. */
  wait(label: string, process: Process | undefined, go: () => void, delayMs = 0): void {
    this.#turns.push({ label, process, readyAtMs: this.clock.now() + delayMs, since: this.steps, go });
  }

  /** Resolves when the schedule says so; never when the process has died by then. */
  turn(label: string, process: Process | undefined, delayMs = 0): Promise<void> {
    if (process && !process.alive) return never();
    return new Promise((resolve) => this.wait(label, process, resolve, delayMs));
  }

  /** Takes one step; false when nothing is left to do but to wait for people, deadlines or messages. */
  async step(): Promise<boolean> {
    await this.settled();
    const nowMs = this.clock.now();
    this.#forgetDead();
    const able = this.#turns.filter(({ process }) => !process?.frozen);
    const ready = able.filter(({ readyAtMs }) => readyAtMs <= nowMs);
    if (ready.length > 0) {
      this.#lastTurnMs = nowMs;
      const turn = this.#pick(ready);
      this.#turns.splice(this.#turns.indexOf(turn), 1);
      this.steps++;
      this.trace.push(turn.label);
      turn.go();
      return true;
    }
    const wakeMs = this.clock.nextWakeAtMs();
    const soonest = Math.min(
      ...able.map(({ readyAtMs }) => readyAtMs),
      wakeMs !== undefined && wakeMs - nowMs <= SOON_MS ? wakeMs : Infinity,
    );
    const isIdle = this.#isWatched && able.length === 0 && nowMs - this.#lastTurnMs >= IDLE_MS;
    if (soonest === Infinity || isIdle) return false;
    await this.clock.advance(Math.max(0, soonest - nowMs));
    return true;
  }

  /** Waits longer than work takes: people think, deadlines pass. */
  async pass(ms: number): Promise<void> {
    await this.settled();
    await this.clock.advance(ms);
  }

  /** What would go next, for the report of a run that does not end. */
  waiting(): string[] {
    return this.#turns.map(({ label, process }) => `${label}${process && !process.alive ? ' (dead)' : ''}`);
  }

  /** Arrival order within one step may depend on the file system's speed, so labels decide between equals. */
  #pick(ready: Turn[]): Turn {
    ready.sort((a, b) => a.since - b.since || (a.label < b.label ? -1 : a.label > b.label ? 1 : 0));
    return ready[this.#choose ? this.#choose.int(ready.length) : 0]!;
  }

  #forgetDead(): void {
    for (let at = this.#turns.length - 1; at >= 0; at--) {
      const { process } = this.#turns[at]!;
      if (process && !process.alive) this.#turns.splice(at, 1);
    }
  }

  /** Lets everything run until it waits. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      const before = this.#activity();
      await nextTurn();
      while (this.outside.size > 0) {
        await Promise.allSettled(this.outside);
        quiet = 0;
      }
      if (this.#activity() !== before || filesAreRead()) quiet = -1;
    }
  }
}

/** True while the operating system works on a file for us. */
function filesAreRead(): boolean {
  return process.getActiveResourcesInfo().some((name) => /FSReq|CloseReq/i.test(name));
}

/** What a dead process gets. */
export function never<T = void>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
