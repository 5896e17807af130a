#!/usr/bin/env node
/**
 * Writes what authors of pipeline documents look things up in, from the schema itself:
 * libs/policy/pipeline.schema.json (for editors) and docs/pipeline-document.md (for people).
 * Needs a built libs/policy. Usage: node tools/write-policy-docs.mjs [--check]
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pipelineGuide, pipelineJsonSchema } from '../libs/policy/dist/index.js';

const check = process.argv.includes('--check');
const targets = {
  'libs/policy/pipeline.schema.json': `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`,
  'docs/pipeline-document.md': pipelineGuide(),
};
const stale = [];
for (const [path, text] of Object.entries(targets)) {
  const absolute = fileURLToPath(new URL(`../${path}`, import.meta.url));
  if (existsSync(absolute) && readFileSync(absolute, 'utf8') === text) continue;
  stale.push(path);
  if (!check) writeFileSync(absolute, text);
}
if (check && stale.length > 0) {
  console.error(`out of date (run node tools/write-policy-docs.mjs):\n  ${stale.join('\n  ')}`);
  process.exit(1);
}
