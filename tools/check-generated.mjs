#!/usr/bin/env node
/** Generates the contracts again and compares them with what is committed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (command, ...args) => execFileSync(command, args, { cwd: root, stdio: 'inherit' });
run('buf', 'generate');
run('node', 'tools/write-contracts-index.mjs');
const { status } = spawnSync('git', ['diff', '--exit-code', '--stat', '--', 'libs/contracts/src'], {
  cwd: root,
  stdio: 'inherit',
});
const untracked = execFileSync('git', ['ls-files', '--others', '--exclude-standard', '--', 'libs/contracts/src'], {
  cwd: root,
  encoding: 'utf8',
});
if (status !== 0 || untracked !== '') {
  console.error(`generated code differs from proto/: run npm run generate and commit\n${untracked}`);
  process.exit(1);
}
