/** A server started as a child process: its log in a file, ready when its probe says so, stopped for certain. */
import { spawn } from 'node:child_process';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const STOP_MS = 15_000;
const READY_MS = 120_000;
const PROBE_EVERY_MS = 100;

/**
 * Starts the program and waits until `ready` resolves to true.
 * @param {{ name: string, program: string, args: string[], env?: object, folder: string, ready: () => Promise<boolean> }} server
 * @returns {Promise<{ pid: number, stop: () => Promise<void>, kill: () => Promise<void> }>} `stop` asks first and kills after 15 s
 * @throws when the program ends or is not ready within two minutes; the message ends with its last lines
 */
export async function startProcess({ name, program, args, env = {}, folder, ready }) {
  await mkdir(folder, { recursive: true });
  const logPath = join(folder, `${name}.log`);
  const log = openSync(logPath, 'a');
  const child = spawn(program, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', log, log] });
  closeSync(log);
  let ended = false;
  const end = new Promise((resolve) => {
    const settle = () => ((ended = true), resolve());
    child.once('exit', settle).once('error', settle);
  });
  const signal = async (how) => {
    if (!ended) child.kill(how);
    await end;
  };
  const kill = () => signal('SIGKILL');
  const stop = async () => {
    if (ended) return;
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await signal('SIGTERM').finally(() => clearTimeout(late));
  };
  const deadline = Date.now() + READY_MS;
  while (!(await ready().catch(() => false))) {
    if (ended || Date.now() > deadline) {
      await kill();
      throw new Error(
        `${name} ${ended ? 'ended' : 'is not ready'}; the end of ${logPath}:\n${readFileSync(logPath, 'utf8').slice(-2000)}`,
      );
    }
    await Promise.race([sleep(PROBE_EVERY_MS), end]);
  }
  return { pid: child.pid, stop, kill };
}
