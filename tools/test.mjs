#!/usr/bin/env node
/** `npm test`: everything that can be tested on this machine; what cannot is reported by name. Arguments go to Jest. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (cwd, ...args) => spawnSync(process.execPath, args, { cwd, stdio: 'inherit' }).status ?? 1;
const node = (...args) => run(root, ...args);

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  console.error(`the tests need Node 24.15 or newer, this is ${process.versions.node}`);
  process.exit(1);
}
const jest = (...args) =>
  node(
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=TimeoutNegativeWarning',
    'node_modules/jest/bin/jest.js',
    ...args,
  );
const selected = process.argv.slice(2);
// Specs that start whole installations, many processes each, take the machine in turn.
const WHOLE = '\\.e2e\\.spec\\.ts$';
const tests =
  selected.length > 0
    ? [['tests', () => jest('--maxWorkers=2', ...selected)]]
    : [
        ['tests', () => jest('--maxWorkers=2', `--testPathIgnorePatterns=${WHOLE}`)],
        ['tests of whole installations', () => jest('--runInBand', '--forceExit', `--testPathPatterns=${WHOLE}`)],
      ];
const steps = [
  ['build', () => node('node_modules/typescript-7/bin/tsc', '-b')],
  [
    'console build',
    () => run(`${root}apps/console`, `${root}node_modules/vite/bin/vite.js`, 'build', '--logLevel', 'error'),
  ],
  ['types of the tests', () => node('node_modules/typescript-7/bin/tsc', '-p', 'tsconfig.spec.json')],
  ...tests,
];
for (const [name, step] of steps) {
  const status = step();
  if (status !== 0) {
    console.error(`failed: ${name}`);
    process.exit(status);
  }
}
