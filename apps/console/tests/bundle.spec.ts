import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleSizes } from './bundle.js';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const KB = 1000;

describe('the built page', () => {
  const sizes = bundleSizes(dist);

  it('keeps the shell within 190 kB gzip', () => {
    expect(sizes.shell).toBeLessThan(190 * KB);
  });

  it('adds at most 60 kB gzip per lazily loaded part', () => {
    expect(sizes.parts.size).toBeGreaterThan(10);
    expect([...sizes.parts].filter(([, bytes]) => bytes > 60 * KB)).toEqual([]);
  });

  it('has no inline script and no inline style', () => {
    const html = readFileSync(`${dist}/index.html`, 'utf8');
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/);
    expect(html).not.toMatch(/<style|\sstyle=/);
  });
});
