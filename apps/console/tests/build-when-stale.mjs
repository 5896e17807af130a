import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const inputs = ['src', 'public', 'index.html', 'vite.config.ts', '../../libs/contracts/src'];

const newest = (path) =>
  statSync(path).isDirectory()
    ? Math.max(0, ...readdirSync(path).map((name) => newest(`${path}/${name}`)))
    : statSync(path).mtimeMs;

/** The browser tests and the size budget look at what users get, so the page is built first when a source is newer. */
export default function buildWhenStale() {
  const built = `${root}dist/index.html`;
  if (existsSync(built) && statSync(built).mtimeMs > Math.max(...inputs.map((input) => newest(root + input)))) return;
  const vite = fileURLToPath(new URL('../../../node_modules/vite/bin/vite.js', import.meta.url));
  // Jest sets NODE_ENV to test, which would put the development build of React into the page.
  const run = spawnSync(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NODE_ENV: 'production' },
  });
  if (run.status !== 0) throw new Error(`vite build failed:\n${run.stdout}${run.stderr}`);
}
