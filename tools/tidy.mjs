#!/usr/bin/env node
/** Rules of the code base that no linter knows. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const files = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(Boolean);
const complaints = [];
const ADDRESS = /"resolved": "https?:/;
const LEFTOVER = /\b(FIXME|XXX|TODO|HACK)\b/;
const FOCUSED = /\b(it|test|describe)\.only\b|\bf(it|describe)\(|expect\(true\)\.toBe\(true\)/;
const SLEEP = /setTimeout\([^)]*,\s*\d{3,}\)/;

for (const file of files) {
  if (/(^|\/)gen\/|^third_party\/|package-lock\.json$|\.(png|parquet|onnx|binpb)$/.test(file)) {
    if (file.endsWith('package-lock.json') && ADDRESS.test(readFileSync(file, 'utf8')))
      complaints.push(`${file}: download addresses in the lock file`);
    continue;
  }
  if (statSync(file).size > 1024 * 1024) complaints.push(`${file}: larger than 1 MiB`);
  readFileSync(file, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      const at = `${file}:${index + 1}`;
      if (file !== 'tools/tidy.mjs' && LEFTOVER.test(line)) complaints.push(`${at}: left-over`);
      if (/\.spec\.tsx?$/.test(file) && FOCUSED.test(line)) complaints.push(`${at}: focused or empty test`);
      if (/\.spec\.tsx?$/.test(file) && SLEEP.test(line)) complaints.push(`${at}: fixed sleep in a test`);
    });
}

const records = files
  .map((file) => /^docs\/adr\/(\d{4})-[a-z0-9-]+\.md$/.exec(file)?.[1])
  .filter(Boolean)
  .map(Number)
  .sort((a, b) => a - b);
records.forEach((number, index) => {
  if (number !== index + 1) complaints.push(`docs/adr: ${index + 1} is missing or ${number} is there twice`);
});
for (const project of files.filter((file) => /^libs\/[a-z-]+\/package\.json$/.test(file))) {
  const readme = project.replace('package.json', 'README.md');
  if (!files.includes(readme)) complaints.push(`${readme} is missing`);
}

if (complaints.length > 0) {
  console.error(complaints.join('\n'));
  process.exit(1);
}
console.log(`tidy: ${files.length} files`);
