#!/usr/bin/env node
/**
 * Writes what every project repeats (package.json, tsconfig.json, jest.config.mjs) from the table below and from the
 * imports found in its sources, so that build order, Nx graph and tags can never drift from the code.
 * Usage: node tools/sync-workspace.mjs [--check]
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');

/** project folder → [type, runtime, exports "./testing", folder of src that is an entry of its own] */
export const projects = {
  'libs/kernel': ['kernel', 'any'],
  'libs/contracts': ['contract', 'any', undefined, 'onnx'],
  'libs/statistics': ['domain', 'any'],
  'libs/learners': ['domain', 'any'],
  'libs/policy': ['platform', 'node'],
  'libs/config': ['platform', 'node'],
  'libs/journal': ['platform', 'node', 'testing'],
  'libs/messaging': ['platform', 'node', 'testing'],
  'libs/artifacts': ['platform', 'node', 'testing'],
  'libs/datasets': ['platform', 'node'],
  'libs/models': ['platform', 'node', undefined, 'onnx'],
  'libs/rpc': ['platform', 'node'],
  'libs/security': ['platform', 'node'],
  'libs/telemetry': ['platform', 'node'],
  'libs/service': ['platform', 'node', 'testing', 'threads'],
  'libs/runtime': ['platform', 'node'],
  'libs/testing': ['testing', 'node'],
  'apps/data-prep': ['service', 'node'],
  'apps/drift-monitor': ['service', 'node'],
  'apps/labeling': ['service', 'node'],
  'apps/training': ['service', 'node'],
  'apps/evaluation': ['service', 'node'],
  'apps/rollout': ['service', 'node'],
  'apps/control-plane': ['service', 'node'],
  'apps/inference-gateway': ['service', 'node'],
  'apps/cli': ['service', 'node'],
  'apps/standalone': ['standalone', 'node'],
  'apps/console': ['ui', 'browser'],
};

const walk = (dir) =>
  !existsSync(dir)
    ? []
    : readdirSync(dir).flatMap((name) => {
        const path = join(dir, name);
        return statSync(path).isDirectory() ? walk(path) : /\.tsx?$/.test(name) ? [path] : [];
      });

const IMPORT = /(?:from|import)\s*\(?\s*['"]@rondo\/([a-z-]+)(?:\/[a-z]+)?['"]/g;
const internalImports = (files) =>
  [...new Set(files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(IMPORT)].map((m) => m[1])))].sort();

const folderOf = (name) => Object.keys(projects).find((folder) => folder.endsWith(`/${name}`));
const stale = [];
const style = await resolveConfig(join(root, 'package.json'));
const write = async (path, value) => {
  const source = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  const text = await format(source, { ...style, filepath: path });
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  stale.push(relative(root, path));
  if (check) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
};

for (const [folder, [type, runtime, testing, part]] of Object.entries(projects)) {
  const dir = join(root, folder);
  const name = folder.split('/')[1];
  if (type === 'ui') continue; // built by Vite; keeps its own files
  const lib = walk(join(dir, 'src')).filter((f) => !f.endsWith('.spec.ts'));
  const extra = testing ? walk(join(dir, 'testing')).filter((f) => !f.endsWith('.spec.ts')) : [];
  const deps = internalImports([...lib, ...extra]).filter((dep) => dep !== name);
  for (const dep of deps)
    if (!folderOf(dep)) throw new Error(`${folder} imports @rondo/${dep}, which is not in the table`);
  const out = testing
    ? { main: './dist/src/index', src: './src/index.ts' }
    : { main: './dist/index', src: './src/index.ts' };
  await write(join(dir, 'package.json'), {
    name: `@rondo/${name}`,
    version: '0.1.0',
    private: true,
    type: 'module',
    exports: {
      '.': { '@rondo/source': out.src, types: `${out.main}.d.ts`, default: `${out.main}.js` },
      ...(part && {
        [`./${part}`]: {
          '@rondo/source': `./src/${part}/index.ts`,
          types: `${dirname(out.main)}/${part}/index.d.ts`,
          default: `${dirname(out.main)}/${part}/index.js`,
        },
      }),
      ...(testing && {
        './testing': {
          '@rondo/source': './testing/index.ts',
          types: './dist/testing/index.d.ts',
          default: './dist/testing/index.js',
        },
      }),
    },
    ...(name === 'cli' && { bin: { rondo: './bin/rondo.mjs' } }),
    nx: {
      name,
      tags: [`type:${type}`, `scope:${name}`, `runtime:${runtime}`],
      targets: {
        build: { command: 'node ../../node_modules/typescript-7/bin/tsc -b', options: { cwd: '{projectRoot}' } },
        test: {
          command: 'node --experimental-vm-modules ../../node_modules/jest/bin/jest.js',
          options: { cwd: '{projectRoot}' },
        },
        lint: { command: 'eslint .', options: { cwd: '{projectRoot}' } },
      },
    },
  });
  await write(join(dir, 'tsconfig.json'), {
    extends: '../../tsconfig.base.json',
    compilerOptions: { rootDir: testing ? '.' : 'src', outDir: 'dist', tsBuildInfoFile: 'dist/.tsbuildinfo' },
    include: testing ? ['src/**/*.ts', 'testing/**/*.ts'] : ['src/**/*.ts'],
    exclude: ['**/*.spec.ts', 'dist'],
    references: deps.map((dep) => ({ path: `../../${folderOf(dep)}` })),
  });
  await write(
    join(dir, 'jest.config.mjs'),
    `import preset from '../../jest.preset.mjs';\n\nexport default { ...preset, displayName: '${name}' };\n`,
  );
  if (!check && !existsSync(join(dir, 'src/index.ts'))) await write(join(dir, 'src/index.ts'), 'export {};\n');
}
await write(join(root, 'tsconfig.json'), {
  files: [],
  references: Object.entries(projects)
    .filter(([, [type]]) => type !== 'ui')
    .map(([folder]) => ({ path: `./${folder}` })),
});
if (check && stale.length > 0) {
  console.error(`out of date (run node tools/sync-workspace.mjs):\n  ${stale.join('\n  ')}`);
  process.exit(1);
}
