#!/usr/bin/env node
/** Lists the generated files in libs/contracts/src/messages.ts, so that a new .proto needs no hand-written export. */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../libs/contracts/src', import.meta.url));
const walk = (dir) =>
  readdirSync(join(source, dir))
    .sort()
    .flatMap((name) => (statSync(join(source, dir, name)).isDirectory() ? walk(join(dir, name)) : [join(dir, name)]));

const files = walk('gen/rondo').map((file) => file.replace(/\.ts$/, '.js'));
const symbol = (file) =>
  `file_${file
    .replace(/^gen\//, '')
    .replace(/_pb\.js$/, '')
    .replaceAll('/', '_')}`;
writeFileSync(
  join(source, 'messages.ts'),
  `// Written by tools/write-contracts-index.mjs.\n${files.map((file) => `export * from './${file}';`).join('\n')}\n`,
);
writeFileSync(
  join(source, 'files.ts'),
  `// Written by tools/write-contracts-index.mjs.\n${files.map((f) => `import { ${symbol(f)} } from './${f}';`).join('\n')}\n\n` +
    `/** Every .proto file of Rondo. */\nexport const protoFiles = [\n${files.map((f) => `  ${symbol(f)},`).join('\n')}\n];\n`,
);
