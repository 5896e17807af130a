import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const documents = [
  join(ROOT, 'README.md'),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(ROOT, 'docs', name)),
];

/** Targets of links and images outside of code, without those that name a scheme or an anchor of the same page. */
function relativeLinks(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z][a-z0-9+.-]*:/i.test(target));
}

describe('README.md and docs', () => {
  it.each(documents.map((path) => [relative(ROOT, path), path]))('%s links to files that are there', (_name, path) => {
    const missing = relativeLinks(readFileSync(path, 'utf8')).filter(
      (target) => !existsSync(join(dirname(path), target)),
    );
    expect(missing).toEqual([]);
  });

  it.each(['write-configuration-docs', 'write-policy-docs'])('are what tools/%s.mjs writes', async (tool) => {
    const args = [join(ROOT, `tools/${tool}.mjs`), '--check'];
    await expect(promisify(execFile)(process.execPath, args, { cwd: ROOT })).resolves.toBeDefined();
  });
});
