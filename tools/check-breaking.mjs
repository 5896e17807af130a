#!/usr/bin/env node
/**
 * Compares proto/ with the released contract in proto/released.binpb: what was on the wire must stay readable.
 * `--release` records the present contract as released.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.includes('--release')
  ? ['build', 'proto', '--exclude-source-info', '-o', 'proto/released.binpb']
  : ['breaking', 'proto', '--against', 'proto/released.binpb'];
process.exit(spawnSync('buf', args, { cwd: root, stdio: 'inherit' }).status ?? 1);
