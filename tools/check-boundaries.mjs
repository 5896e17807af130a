#!/usr/bin/env node
/**
 * Proves that the boundary rule is alive: without a project graph it would warn, skip and pass. Lints a known-bad text as
 * if it were part of a domain library and expects both of its imports to be refused.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ESLint } from 'eslint';

// The rule reads the project graph from Nx's cache; listing the projects writes it.
execFileSync('nx', ['show', 'projects'], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: { ...process.env, NX_DAEMON: 'false' },
});

const RULE = '@nx/enforce-module-boundaries';
const eslint = new ESLint({
  cwd: new URL('..', import.meta.url).pathname,
  overrideConfig: [{ files: ['**/*.ts'], languageOptions: { parserOptions: { project: null } } }],
  ruleFilter: ({ ruleId }) => ruleId === RULE,
});
const text = readFileSync(new URL('./fixtures/known-bad.ts.txt', import.meta.url), 'utf8');
const [result] = await eslint.lintText(text, { filePath: 'libs/statistics/src/known-bad.ts' });
const refused = result.messages.filter((message) => message.ruleId === RULE && message.severity === 2);
if (refused.length !== 2) {
  console.error(`the boundary rule refused ${refused.length} of 2 forbidden imports:`, result.messages);
  process.exit(1);
}
console.log('boundary rule alive: 2 of 2 forbidden imports refused');
