import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { grpcConnection, type GrpcConnection } from '@rondo/rpc';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MAIN = join(ROOT, 'apps/standalone/dist/main.js');
const OUTPUT_KEPT = 20_000;

/** Where a running process listens. */
export interface Addresses {
  readonly http: string;
  readonly grpc: string;
  readonly gateway: string;
}

export interface ProcessOptions {
  readonly home: string;
  readonly args?: readonly string[];
  /** Settings besides the home and the ports, which are free ones. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The real program in a process of its own, on free ports of the loopback interface. */
export class RondoProcess {
  readonly home: string;
  /** Everything the program printed as its result. */
  stdout = '';
  /** Everything else it printed. */
  stderr = '';
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  private readonly child: ChildProcess;
  private readonly watchers = new Set<() => void>();
  private isOver = false;
  private ending: number | NodeJS.Signals = 'SIGKILL';

  constructor({ home, args = [], environment = {} }: ProcessOptions) {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is not built: run node node_modules/typescript-7/bin/tsc -b`);
    this.home = home;
    const ports = ['HTTP', 'GRPC', 'GATEWAY_HTTP', 'GATEWAY_GRPC'].map((name) => [`RONDO_${name}_PORT`, '0']);
    const { PATH = '', HOME = '' } = process.env;
    this.child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
      cwd: ROOT,
      env: { PATH, HOME, RONDO_HOME: home, ...Object.fromEntries(ports), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.printed();
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.printed();
    });
    this.exited = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', (code, signal) => {
        this.isOver = true;
        this.ending = code ?? signal ?? 'SIGKILL';
        this.printed();
        resolve(this.ending);
      });
    });
  }

  /**
   * Resolves with the first match of what the program has printed or will print.
   * @throws Error with the output when the program ends without it
   */
  printsLine(pattern: RegExp): Promise<RegExpExecArray> {
    return this.seen(pattern.source, () => pattern.exec(this.stdout + this.stderr) ?? undefined);
  }

  /** Where it listens, once it does. */
  async addresses(): Promise<Addresses> {
    const [, http = ''] = await this.printsLine(/(http:\/\/\S+)\/auth\/signin\?token=\S+\n/);
    const [, grpc = '', gateway = ''] = await this.printsLine(/gRPC (\S+) {3}inference (\S+) {3}/);
    return { http, grpc, gateway };
  }

  /** The token that the program left for the command line of its own user. */
  async token(): Promise<string> {
    await this.addresses();
    return (await readFile(join(this.home, 'token'), 'utf8')).trim();
  }

  /** A connection to its API as its own user; close it. */
  async connect(): Promise<GrpcConnection> {
    const { grpc } = await this.addresses();
    return grpcConnection({ address: grpc, token: await this.token() });
  }

  get isRunning(): boolean {
    return !this.isOver;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Asks it to end, as Ctrl-C does. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.child.kill('SIGINT');
    return this.exited;
  }

  /** The newest part of what it printed, for messages. */
  get output(): string {
    return (this.stdout + this.stderr).slice(-OUTPUT_KEPT);
  }

  private seen<T>(what: string, look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look();
        if (found === undefined && !this.isOver) return;
        this.watchers.delete(check);
        if (found === undefined)
          reject(new Error(`the program ended (${this.ending}) without ${what}:\n${this.output}`));
        else resolve(found);
      };
      this.watchers.add(check);
      check();
    });
  }

  private printed(): void {
    for (const check of [...this.watchers]) check();
  }
}
