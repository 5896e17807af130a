import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '@rondo/testing';

const run = promisify(execFile);
const ENDS_WITHIN_MS = 60_000;

interface Process {
  stop(): Promise<void>;
  kill(): Promise<void>;
}
interface Member extends Process {
  readonly pid: number;
  isRunning(): boolean;
}
interface Server extends Process {
  readonly address: string;
}
interface ServerSet extends Server {
  readonly members: readonly Member[];
  /** Waits until one is elected among those that run. */
  primary(): Promise<Member>;
  restart(member: Member): Promise<void>;
}
interface NativeKafka {
  start(options: { readonly folder: string }): Promise<Server>;
}
interface NativeMongodb {
  startSet(options: { readonly folder: string }): Promise<ServerSet>;
}

const native = (script: string): Promise<unknown> =>
  import(new URL(`../../../deploy/native/${script}`, import.meta.url).href);

/** A broker for one spec alone, which may break it. It comes back at its address with what it had on disk. */
export class OwnBroker {
  private constructor(
    private readonly kafka: NativeKafka,
    private readonly folder: string,
    private broker: Server,
  ) {}

  static async start(folder: string): Promise<OwnBroker> {
    const kafka = (await native('kafka.mjs')) as NativeKafka;
    const own = join(folder, 'kafka');
    return new OwnBroker(kafka, own, await kafka.start({ folder: own }));
  }

  get address(): string {
    return this.broker.address;
  }

  /** Ends as by a power cut, and starts again. */
  async crash(): Promise<void> {
    await this.broker.kill();
    this.broker = await this.kafka.start({ folder: this.folder });
  }

  stop(): Promise<void> {
    return this.broker.stop();
  }
}

/** Three mongod for one spec alone, which may break them. */
export class OwnMongodb {
  private constructor(private readonly set: ServerSet) {}

  static async start(folder: string): Promise<OwnMongodb> {
    const mongodb = (await native('mongodb.mjs')) as NativeMongodb;
    return new OwnMongodb(await mongodb.startSet({ folder: join(folder, 'mongodb') }));
  }

  get address(): string {
    return this.set.address;
  }

  /** The disk of the primary takes no byte more, so that it ends and another is elected. It comes back when there is room. */
  async fillDiskOfPrimary(): Promise<void> {
    const primary = await this.set.primary();
    await run('prlimit', ['--pid', String(primary.pid), '--fsize=0']);
    await eventually(() => !primary.isRunning(), ENDS_WITHIN_MS);
    await this.set.primary();
    await this.set.restart(primary);
  }

  /** All of them end as by a power cut, and start again. */
  async crash(): Promise<void> {
    await this.set.kill();
    for (const member of [...this.set.members]) await this.set.restart(member);
    await this.set.primary();
  }

  stop(): Promise<void> {
    return this.set.stop();
  }
}
