#!/usr/bin/env node
/**
 * `npm run sim -- --seed 1234`: the simulation outside of Jest, which is several times faster. TypeScript is compiled by swc as it is
 * loaded, straight from source, with the options the tests use.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';
import preset from '../jest.preset.mjs';

const [, options] = preset.transform['^.+\\.ts$'];
/** The test library also defines specs; there are none here. */
const NO_SPECS = `data:text/javascript,export const ${['describe', 'it', 'expect', 'afterEach']
  .map((name) => `${name} = undefined`)
  .join(', ')};`;
const isSource = (url) => url?.startsWith('file:') && url.endsWith('.ts');

registerHooks({
  resolve(name, context, next) {
    if (name === '@jest/globals') return { url: NO_SPECS, shortCircuit: true };
    const conditions = [...new Set(['@rondo/source', ...context.conditions])];
    const ofSource = name.startsWith('.') && isSource(context.parentURL);
    return next(ofSource ? name.replace(/\.js$/, '.ts') : name, { ...context, conditions });
  },
  load(url, context, next) {
    if (!isSource(url)) return next(url, context);
    const filename = fileURLToPath(url);
    const { code } = transformSync(readFileSync(filename, 'utf8'), { ...options, filename, swcrc: false });
    return { format: 'module', source: code, shortCircuit: true };
  },
});

await import('../apps/standalone/testing/sim/command.ts');
