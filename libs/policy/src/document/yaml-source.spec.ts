import { describe, expect, it } from '@jest/globals';
import { LIMITS } from '../limits.js';
import { readYaml } from './yaml-source.js';

const rules = (text: string): string[] => {
  const reading = readYaml(text);
  return reading.ok ? [] : reading.problems.map((problem) => problem.rule);
};

describe('reading YAML', () => {
  it('gives plain data and the place of every path', () => {
    const reading = readYaml('a:\n  b: [1, {c: x}]\n');
    if (!reading.ok) throw new Error('refused');
    expect(reading.source.value).toEqual({ a: { b: [1, { c: 'x' }] } });
    expect(reading.source.place(['a', 'b', 1, 'c'])).toEqual({ line: 2, column: 11 });
    expect(reading.source.place(['a', 'b', 0])).toEqual({ line: 2, column: 7 });
    expect(reading.source.place(['a', 'missing'])).toEqual({ line: 1, column: 1 });
  });

  it('reads JSON, tabs and CRLF included', () => {
    const reading = readYaml('{\r\n\t"a": [true, null, 1.5]\r\n}');
    expect(reading.ok && reading.source.value).toEqual({ a: [true, null, 1.5] });
  });

  it('expands anchors within the limit', () => {
    const reading = readYaml('a: &x {k: 1}\nb: *x\n');
    expect(reading.ok && reading.source.value).toEqual({ a: { k: 1 }, b: { k: 1 } });
  });

  it.each<[string, string, string]>([
    ['a key given twice', 'a: 1\na: 2\n', 'duplicate-key'],
    ['a merge key', 'a: &x {k: 1}\nb:\n  <<: *x\n', 'merge-key'],
    ['a key that is no string', '1: a\n', 'string-key'],
    ['a key that is a list', '? [a]\n: b\n', 'string-key'],
    ['a prototype key', '__proto__: {polluted: true}\n', 'string-key'],
    ['two documents', 'a: 1\n---\nb: 2\n', 'single-document'],
    ['a custom tag', 'a: !js/function "x"\n', 'yaml-syntax'],
    ['broken syntax', 'a: [1\n', 'yaml-syntax'],
    ['an alias without an anchor', 'a: *nowhere\n', 'alias-target'],
    ['an alias inside its own anchor', 'a: &x [*x]\n', 'alias-target'],
    ['too many aliases', `a: &x 1\nb: [${'*x, '.repeat(LIMITS.aliases + 1)}]\n`, 'alias-count'],
    ['too many values', `a: [${'1, '.repeat(LIMITS.documentNodes)}]\n`, 'document-nodes'],
    ['too many bytes', `a: "${'ä'.repeat(LIMITS.documentBytes / 2)}"\n`, 'document-size'],
  ])('refuses %s', (_name, text, rule) => {
    expect(rules(text)).toContain(rule);
  });

  it('refuses a bomb of aliases before it grows', () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) =>
        `l${i}: &l${i} [${Array(9)
          .fill(i === 0 ? 'x' : `*l${i - 1}`)
          .join(', ')}]`,
    );
    expect(rules(levels.join('\n'))).toContain('alias-count');
  });

  it.each(['[', '{a: ', '- ', '? ', '[]', '{}'])('refuses 128 KiB of %p without exhausting the stack', (part) => {
    expect(rules(part.repeat(131_072 / part.length))).not.toEqual([]);
  });

  it.each<[string, string]>([
    ['keys of one map', `{${Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join(', ')}}`],
    ['empty lists in a row', '[]'.repeat(131_072)],
    ['line ends', '\n'.repeat(262_144)],
    ['anchors', '- &a x\n'.repeat(32_768)],
    ['colons', ': '.repeat(131_072)],
  ])('refuses far too many %s', (_name, text) => {
    expect(rules(text)).toContain('document-nodes');
  });
});
