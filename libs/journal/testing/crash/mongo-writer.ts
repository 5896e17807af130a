import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually } from '@rondo/testing';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** A process that runs `append-to-mongo.ts` and what it has said so far. */
export class MongoWriter {
  readonly committed: string[] = [];
  readonly published: string[] = [];
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  #complaints = '';

  constructor(where: {
    readonly url: string;
    readonly database: string;
    readonly seed: number;
    readonly leaseMs: number;
    /** Its relay goes on after the end of its lease; for the proof that this is noticed. */
    readonly ignoresEndOfLease?: boolean;
  }) {
    const options = ['--conditions=@rondo/source', '--import', here('../../../../tools/run-from-source.mjs')];
    const mode = where.ignoresEndOfLease ? ['lease-ignored'] : [];
    const settings = [where.url, where.database, String(where.seed), String(where.leaseMs), ...mode];
    this.#child = spawn(process.execPath, [...options, here('append-to-mongo.ts'), ...settings], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] },
    });
    this.#child.stderr!.on('data', (data: Buffer) => (this.#complaints += data.toString()));
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      const [what, name] = line.split(' ');
      (what === 'committed' ? this.committed : this.published).push(name!);
    });
    this.#closed = new Promise((resolve) => this.#child.on('close', () => resolve()));
  }

  /** Waits until it has had `count` more units acknowledged. */
  async hasCommitted(count: number): Promise<void> {
    const wanted = this.committed.length + count;
    await this.#eventually(() => this.committed.length >= wanted);
  }

  /** Waits until it has published something more. */
  async hasPublished(): Promise<void> {
    const before = this.published.length;
    await this.#eventually(() => this.published.length > before);
  }

  /** Stops it where it is; `thaw` lets it go on. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGKILL; resolves when all it said has been read. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  async #eventually(condition: () => boolean): Promise<void> {
    await eventually(() => {
      if (this.#child.exitCode !== null) throw new Error(`the writer ended: ${this.#complaints}`);
      return condition();
    }, 120_000);
  }
}
