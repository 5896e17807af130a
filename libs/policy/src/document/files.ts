import { LIMITS } from '../limits.js';
import { readYaml } from './yaml-source.js';
import type { Path } from './path.js';
import type { RuleBreach, ShapedSpec } from './rule-breach.js';

/** Where the document names files, with the names. */
export function namedFiles(
  data: ShapedSpec['data'],
): { readonly path: Path; readonly file: string; readonly kind: 'contract' | 'sql' }[] {
  if (!data) return [];
  return [
    { path: ['spec', 'data', 'contract', 'file'], file: data.contract.file, kind: 'contract' },
    { path: ['spec', 'data', 'features', 'sql', 'file'], file: data.features.sql.file, kind: 'sql' },
  ];
}

/** Texts of the named files, and what is wrong with them. */
export function readFiles(
  data: ShapedSpec['data'],
  files: Readonly<Record<string, Uint8Array>>,
): { readonly texts: Record<string, string>; readonly breaches: RuleBreach[] } {
  const texts: Record<string, string> = {};
  const breaches: RuleBreach[] = [];
  const named = namedFiles(data);
  for (const { path, file, kind } of named) {
    const refuse = (rule: string, message: string): number => breaches.push({ path, rule, message });
    const bytes = Object.hasOwn(files, file) ? files[file] : undefined;
    if (!bytes) refuse('file-present', `the file ${file} did not come with the document`);
    else if (bytes.length > LIMITS.fileBytes)
      refuse('file-size', `${file} has ${bytes.length} bytes, at most ${LIMITS.fileBytes} are read`);
    else {
      const text = utf8(bytes);
      if (text === undefined) refuse('file-text', `${file} is not UTF-8 text`);
      else if (text.trim() === '') refuse('file-text', `${file} is empty`);
      else texts[file] = text;
      if (text && kind === 'contract') contractBreaches(text, file, refuse);
    }
  }
  const given = Object.keys(files);
  if (given.length > LIMITS.files)
    breaches.push({
      path: [],
      rule: 'file-count',
      message: `${given.length} files came, at most ${LIMITS.files} are read`,
    });
  else if (data)
    for (const file of given.filter((name) => !named.some((entry) => entry.file === name)))
      breaches.push({
        path: [],
        rule: 'file-named',
        message: `the file ${file} came with the document, which does not name it`,
      });
  return { texts, breaches };
}

function contractBreaches(text: string, file: string, refuse: (rule: string, message: string) => void): void {
  const reading = readYaml(text);
  if (!reading.ok) {
    for (const problem of reading.problems)
      refuse(problem.rule, `${file}, line ${problem.line}, column ${problem.column}: ${problem.message}`);
    return;
  }
  const contract = reading.source.value as { kind?: unknown; apiVersion?: unknown } | null;
  if (contract?.kind !== 'DataContract' || !/^v3\.\d+\.\d+$/.test(String(contract.apiVersion)))
    refuse(
      'contract-kind',
      `${file} is not an Open Data Contract Standard document (kind DataContract, apiVersion v3.x)`,
    );
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
