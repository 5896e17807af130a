import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { RondoProcess } from './rondo-process.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const GUIDE = readFileSync(join(ROOT, 'docs/guides/your-own-pipeline.md'), 'utf8');
const START = 'RONDO_QUICKSTART=false npm start';

jest.setTimeout(180_000);

/** One step of the guide: what the reader types, and the lines the guide says come back. */
interface Step {
  readonly command: string;
  readonly promised: readonly string[];
}

function stepsOf(markdown: string): Step[] {
  const blocks = [...markdown.matchAll(/^```(sh|text)\n([\s\S]*?)^```$/gm)];
  const steps: { command: string; promised: string[] }[] = [];
  for (const [, language, text = ''] of blocks) {
    if (language === 'sh') steps.push({ command: text.trim(), promised: [] });
    else steps.at(-1)?.promised.push(...text.trimEnd().split('\n'));
  }
  return steps;
}

/** `…` in the guide stands for anything. */
const patternOf = (line: string): RegExp =>
  new RegExp(
    line
      .split('…')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*'),
  );

describe('docs/guides/your-own-pipeline.md', () => {
  const steps = stepsOf(GUIDE);
  let folder: string;
  let rondo: RondoProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rondo-guide-'));
    await symlink(join(ROOT, 'examples'), join(folder, 'examples'));
    await mkdir(join(folder, 'bin'));
    // What npx finds in an installed workspace, without asking npm.
    const npx = `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(ROOT, 'apps/cli/bin/rondo.mjs')}" "$@"\n`;
    await writeFile(join(folder, 'bin/npx'), npx);
    await chmod(join(folder, 'bin/npx'), 0o755);
    rondo = new RondoProcess({ home: join(folder, '.rondo'), environment: { RONDO_QUICKSTART: 'false' } });
    await rondo.addresses();
  });

  afterAll(async () => {
    await rondo.kill();
    await rm(folder, { recursive: true, force: true });
  });

  /** Types a step in the reader's terminal; the ports of the guide are those of the process. */
  const type = async (command: string): Promise<string> => {
    const { http, gateway, grpc } = await rondo.addresses();
    const literal = command.replaceAll('http://127.0.0.1:4700', http).replaceAll('http://127.0.0.1:4702', gateway);
    const env = {
      PATH: [join(folder, 'bin'), dirname(process.execPath), process.env['PATH']].join(delimiter),
      HOME: folder,
      RONDO_SERVER: grpc,
    };
    const { stdout } = await promisify(execFile)('sh', ['-e', '-c', literal], { cwd: folder, env, timeout: 60_000 });
    return stdout;
  };

  it('begins by starting Rondo and goes on in another terminal', () => {
    expect(steps[0]).toEqual({ command: START, promised: [] });
    expect(steps.length).toBeGreaterThan(10);
  });

  it.each(stepsOf(GUIDE).slice(1))('does what it says: $command', async ({ command, promised }) => {
    const output = await type(command);
    for (const line of promised) expect(output).toMatch(patternOf(line));
  });

  it('ends when asked to', async () => {
    expect(await rondo.stop()).toBe(0);
  });
});
