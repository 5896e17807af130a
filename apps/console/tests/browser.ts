import { existsSync } from 'node:fs';
import { describe } from '@jest/globals';
import { chromium, type Browser } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Path of a Chromium to test with, or undefined. */
export function findChromium(): string | undefined {
  const named = process.env['RONDO_CHROMIUM'];
  if (named !== undefined && named !== '') return named;
  return PLACES.find((path) => existsSync(path));
}

/** A suite that needs a browser: skipped by name without one on a laptop, an error in CI. */
export function describeInChromium(name: string, suite: () => void): void {
  if (findChromium() !== undefined) return describe(name, suite);
  if (process.env['CI'] === 'true') throw new Error('no chromium found; set RONDO_CHROMIUM');
  const skipped = `skipped: ${name} in Chromium (no chromium found; set RONDO_CHROMIUM)`;
  // Jest prints the names of skipped suites only when a single file runs.
  process.stderr.write(`${skipped}\n`);
  describe.skip(skipped, suite);
}

/** Starts the browser without a window. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium()!,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-prefers-reduced-motion'],
  });
}
