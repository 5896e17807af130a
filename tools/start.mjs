#!/usr/bin/env node
/**
 * `npm start`: builds what changed, then runs every service in this process. Arguments go to the program
 * (`npm start -- --once --json`). npm puts the pinned Node of this repository first on the PATH.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  console.error(
    `Rondo needs Node 24.15 or newer, this is ${process.versions.node}.\n` +
      'npm ci installs a pinned Node 24 where the registry has one for your platform; here it has none: install Node 24 and try again.',
  );
  process.exit(1);
}

const newest = (dir) =>
  readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !/[\\/](dist|tests|node_modules)([\\/]|$)/.test(entry.parentPath))
    .reduce((latest, entry) => Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);

function consoleIsStale() {
  const built = join(root, 'apps/console/dist/index.html');
  if (!existsSync(built)) return true;
  const sources = [join(root, 'apps/console'), join(root, 'libs/contracts/src')];
  return Math.max(...sources.map(newest)) > statSync(built).mtimeMs;
}

const run = (args, cwd = root) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(output || `exit ${code}`))));
  });

try {
  if (!existsSync(join(root, 'apps/standalone/dist/main.js'))) process.stderr.write('building (once) …\n');
  await Promise.all([
    run(['node_modules/typescript-7/bin/tsc', '-b', 'apps/standalone', 'apps/cli']),
    consoleIsStale()
      ? run([join(root, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'error'], join(root, 'apps/console'))
      : undefined,
  ]);
} catch (error) {
  console.error(`the build failed:\n${error.message}`);
  process.exit(1);
}
await import(new URL('../apps/standalone/dist/main.js', import.meta.url));
