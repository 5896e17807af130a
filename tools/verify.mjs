#!/usr/bin/env node
/** Every gate in one command: generated code, contracts, boundaries, lint, format, tidy, tests. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = fileURLToPath(new URL('../node_modules/.bin', import.meta.url));
const env = { ...process.env, NX_DAEMON: 'false', PATH: `${bin}:${process.env.PATH}` };
const started = Date.now();
const gate = (name, command, ...args) => {
  const at = Date.now();
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - at) / 1000).toFixed(1)} s)`);
  if (status !== 0) process.exit(1);
};

gate('workspace files', 'node', 'tools/sync-workspace.mjs', '--check');
gate('buf lint', 'buf', 'lint');
gate('wire compatibility', 'node', 'tools/check-breaking.mjs');
gate('generated code', 'node', 'tools/check-generated.mjs');
gate('tidy', 'node', 'tools/tidy.mjs');
gate('boundaries, lint and format', 'npm', 'run', 'lint');
gate('tests', 'node', 'tools/test.mjs');
gate('deployment', 'node', 'tools/check-deploy.mjs');
console.log(`all gates passed in ${((Date.now() - started) / 60_000).toFixed(1)} min`);
