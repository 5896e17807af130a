/** Programs written in Go, built once from a pinned version through the Go module proxy. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Folder that keeps what was fetched and built: `RONDO_NATIVE_CACHE`, else `~/.cache/rondo-native`. */
export const cacheFolder = () => process.env.RONDO_NATIVE_CACHE ?? join(homedir(), '.cache', 'rondo-native');

/**
 * Runs a program to its end.
 * @returns {Promise<{ status: number, stdout: string, stderr: string }>} status 127 when the program does not exist
 */
export function run(command, args, { cwd, env = process.env, input } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
    const out = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (out[name] += text));
    child.on('error', (error) => (error.code === 'ENOENT' ? resolve({ status: 127, ...out }) : reject(error)));
    child.on('close', (status) => resolve({ status: status ?? 1, ...out }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** What a machine lacks, by name: a check that meets it is skipped, or fails where `RONDO_REQUIRE_REAL` is set. */
export class Missing extends Error {}

/**
 * Path of the program, building it first when the cache does not hold it. Each version has a folder of its own, which appears
 * only complete, so that two processes may ask at once.
 * @param {{ name: string, package: string, version: string }} tool
 * @throws {Missing} without `go`, or when the proxy does not have the module
 */
export async function goTool({ name, package: path, version }, log = () => undefined) {
  const folder = join(cacheFolder(), 'go', `${name}@${version}`);
  const program = join(folder, path.split('/').at(-1));
  if (existsSync(program)) return program;
  await mkdir(join(cacheFolder(), 'go'), { recursive: true });
  const building = await mkdtemp(join(cacheFolder(), 'go', '.building-'));
  try {
    log(`building ${name} ${version} with go install; the first time takes minutes`);
    const { status, stderr } = await run('go', ['install', `${path}@${version}`], {
      env: { ...process.env, GOBIN: building, GOFLAGS: '-trimpath', CGO_ENABLED: '0' },
    });
    if (status === 127) throw new Missing(`${name}: go is not installed`);
    if (status !== 0)
      throw new Missing(`${name}: go install ${path}@${version} failed: ${stderr.trim().split('\n').at(-1)}`);
    await rename(building, folder).catch(() => undefined);
    return program;
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}
