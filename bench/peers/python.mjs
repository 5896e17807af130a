/** Python environments of the libraries that the benches measure beside Rondo, made once outside the repository. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../../deploy/native/go-tool.mjs';

const CACHE = join(cacheFolder(), 'peers');
const here = (file) => fileURLToPath(new URL(file, import.meta.url));

/**
 * Interpreter of an environment with exactly the packages of `requirements/<name>.txt`, and without their dependencies those of
 * `requirements/<name>-alone.txt`. Made at the first call, which needs python3.11 and PyPI; a changed list makes another one.
 */
function interpreter(name) {
  const lists = [`requirements/${name}.txt`, `requirements/${name}-alone.txt`]
    .map(here)
    .filter((path) => existsSync(path));
  const digest = createHash('sha256');
  for (const list of lists) digest.update(readFileSync(list));
  const folder = join(CACHE, `${name}-${digest.digest('hex').slice(0, 12)}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(python)) return python;
  mkdirSync(CACHE, { recursive: true });
  const made = `${folder}.${process.pid}`;
  const options = { stdio: ['ignore', 'ignore', 'inherit'] };
  process.stderr.write(`installing ${name} …\n`);
  try {
    execFileSync('python3.11', ['-m', 'venv', made], options);
    for (const [i, list] of lists.entries())
      execFileSync(
        join(made, 'bin', 'python'),
        ['-m', 'pip', 'install', '--quiet', ...(i > 0 ? ['--no-deps'] : []), '-r', list],
        options,
      );
    renameSync(made, folder);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
  return python;
}

/**
 * Runs `<script>.py` in the environment of the same name and gives the JSON it prints. @throws Error when it cannot be installed or fails
 */
export function measurePeer(name, script, args = []) {
  const { stdout, stderr, status } = spawnSync(interpreter(name), [here(`${script}.py`), ...args], {
    encoding: 'utf8',
    env: { ...process.env, OMP_NUM_THREADS: '2' },
  });
  if (status !== 0) throw new Error(`${script}.py failed: ${stderr.trim().split('\n').slice(-5).join('\n')}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}
