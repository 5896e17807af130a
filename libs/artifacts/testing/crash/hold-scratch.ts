/** Holds a scratch folder with a file and a link in it until it is killed or its input ends; says where. */
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openScratch } from '../../src/index.js';

const [parent, elsewhere] = process.argv.slice(2) as [string, string];
const { path } = await openScratch('spec', parent);
await writeFile(join(path, 'rows'), 'rows');
await symlink(elsewhere, join(path, 'link'));
process.stdout.write(`${path}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
