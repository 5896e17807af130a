import { readFileSync } from 'node:fs';
import { admitPipeline, type Admission } from './admit.js';
import type { Problem } from './document/problem.js';

const folder = new URL('../../../examples/flight-delay/', import.meta.url);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Text of the quickstart's pipeline. */
export const exampleText = readFileSync(new URL('pipeline.yaml', folder), 'utf8');

/** Files of the quickstart. */
export const exampleFiles: Record<string, Uint8Array> = {
  'contract.odcs.yaml': new Uint8Array(readFileSync(new URL('contract.odcs.yaml', folder))),
  'features.sql': bytes('SELECT 1'),
};

/** Admits the quickstart's pipeline after replacing texts that must be there. */
export function admitExample(...replacements: [string, string][]): Admission {
  let document = exampleText;
  for (const [from, to] of replacements) {
    if (!document.includes(from)) throw new Error(`the example has no ${from}`);
    document = document.replace(from, () => to);
  }
  return admitPipeline({ document, files: exampleFiles });
}

/** The same, for what must be refused. */
export function problemsOf(...replacements: [string, string][]): readonly Problem[] {
  const admission = admitExample(...replacements);
  return admission.ok ? [] : admission.problems;
}
