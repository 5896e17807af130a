#!/usr/bin/env node
// npm links a command only when its file is there at install time; the program itself is built later.
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  process.stderr.write('rondo is not built yet: run `npm run build`\n');
  process.exitCode = 3;
}
