import { outage, type DistributedRondo } from './distributed-rondo.js';

const LOOK_AGAIN_MS = 20;

/** Something that happens to Rondo once the services have journaled so many messages of a type. */
export interface Disturbance {
  readonly name: string;
  readonly type: string;
  readonly count: number;
  /** Waits until nothing is under way: what is in memory at that moment may be lost by right. */
  readonly atRest?: boolean | undefined;
  happen(): Promise<unknown>;
}

/** Disturbs a story at points of its progress, one disturbance after the other. */
export class Disturbances {
  /** Names of those that happened. */
  readonly happened: string[] = [];
  #current: Promise<unknown> = Promise.resolve();
  #atRest: (() => void) | undefined;
  #storyIsOver = false;

  constructor(private readonly rondo: DistributedRondo) {}

  /** @throws Error when the story is over before one of them */
  async all(plan: readonly Disturbance[]): Promise<void> {
    for (const disturbance of plan) {
      const { name, type, count, atRest, happen } = disturbance;
      while (!this.#storyIsOver && !(await this.#isReached(type, count))) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      }
      if (atRest && !this.#storyIsOver) await new Promise<void>((resolve) => (this.#atRest = resolve));
      if (this.#storyIsOver) throw new Error(`the story was over before: ${name}`);
      this.#current = happen.call(disturbance);
      await this.#current;
      this.happened.push(name);
    }
  }

  /** To be told to the quickstart as the moment at which nothing is under way. */
  async idle(): Promise<void> {
    await this.rondo.idle();
    this.#atRest?.();
    this.#atRest = undefined;
    // Gives the disturbance the floor, so that the story goes on in the middle of it.
    await new Promise(setImmediate);
  }

  /** Resolves when what happens now is over. */
  async quiet(): Promise<void> {
    await this.#current;
  }

  storyIsOver(): void {
    this.#storyIsOver = true;
    this.#atRest?.();
  }

  async #isReached(type: string, count: number): Promise<boolean> {
    const found = await this.rondo.journaled(type).catch(outage);
    return typeof found === 'number' && found >= count;
  }
}
