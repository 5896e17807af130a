import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Runs `work` while no file of this process may grow past `bytes`: to the code under test a disk that fills up in the middle of a
 * write. The kernel answers EFBIG. Needs Linux (`prlimit`).
 */
export async function withFullDisk<T>(bytes: number, work: () => Promise<T>): Promise<T> {
  const limit = (soft: string): Promise<unknown> => run('prlimit', ['--pid', String(process.pid), `--fsize=${soft}:`]);
  await limit(String(bytes));
  try {
    return await work();
  } finally {
    await limit('unlimited');
  }
}
