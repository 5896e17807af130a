import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { randomIds, systemClock } from '@rondo/kernel';
import type { Command } from 'commander';
import { buildProgram } from './program.js';

const ROOT = join(import.meta.dirname, '../../..');

/** The grammar of `rondo`, whose commands do nothing. */
function grammar(): Command {
  const program = buildProgram({
    env: {},
    cwd: ROOT,
    home: ROOT,
    out: () => undefined,
    err: () => undefined,
    isTerminal: false,
    readStdin: async () => '',
    clock: systemClock,
    ids: randomIds,
    interrupted: new AbortController().signal,
  });
  const disarm = (command: Command): void => {
    command.exitOverride();
    if (command.commands.length === 0) command.action(() => undefined);
    command.commands.forEach(disarm);
  };
  disarm(program);
  return program;
}

/** What a line of a page says to `rondo`, as words; `$(…)` is one word, and what follows a pipe or a comment is left out. */
function wordsOf(text: string): string[] {
  const words = text
    .replace(/\$\([^()]*\)/g, 'ANSWER')
    .replace(/\s(#|\||&&|;|>).*$/, '')
    .match(/"[^"]*"|'[^']*'|\S+/g);
  return (words ?? []).map((word) => word.replace(/^(["'])(.*)\1$/, '$2'));
}

/** Commands of a page: on lines of their own, inside other commands, and between backticks. */
function commandsOf(page: string): { readonly text: string; readonly isName: boolean }[] {
  const found = (pattern: RegExp): string[] => [...page.matchAll(pattern)].map(([, text]) => text!);
  const inline = found(/(?:`|<code>)([^`<>\n]+)(?:`|<\/code>)/g);
  return [...found(/^(.*)$/gm), ...found(/\$\(([^()\n]*)\)/g), ...inline]
    .filter((text) => /^\s*(?:RONDO_\w+=\S+ )?(?:npx )?rondo (?=[a-z-])/.test(text))
    .map((text) => ({ text, isName: inline.includes(text) }));
}

/** What is wrong with a command; a name alone, between backticks, need not be complete. */
async function complaint(text: string, isName: boolean): Promise<string | undefined> {
  const words = wordsOf(text.replace(/^.*?\brondo /, ''));
  let command: Command | undefined = grammar();
  const names = words.filter(
    (word) => (command = command?.commands.find((each) => each.name() === word)) !== undefined,
  );
  if (isName && names.length === words.length) return undefined;
  try {
    await grammar().parseAsync(words, { from: 'user' });
    return undefined;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return code === 'commander.helpDisplayed' ? undefined : `${text.trim()}: ${message}`;
  }
}

describe('the commands that documents name', () => {
  const pages = globSync(
    ['README.md', '{docs,deploy,examples}/**/*.{md,txt}', '{apps,libs}/*/README.md', 'apps/console/src/**/*.tsx'],
    {
      cwd: ROOT,
    },
  );
  const commands = pages.flatMap((page) =>
    commandsOf(readFileSync(join(ROOT, page), 'utf8')).map((command) => ({ page, ...command })),
  );

  it('are commands of rondo, with arguments and flags that it takes', async () => {
    expect(commands.length).toBeGreaterThan(80);
    const wrong: string[] = [];
    for (const { page, text, isName } of commands) {
      const found = await complaint(text, isName);
      if (found !== undefined) wrong.push(`${page}: ${found}`);
    }
    expect(wrong).toEqual([]);
  });

  it('would be noticed if they were not', async () => {
    for (const [text, message] of [
      ['rondo frobnicate', "unknown command 'frobnicate'"],
      ['rondo status', "missing required argument 'pipeline'"],
      ['rondo hold flights', "required option '--reason <text>' not specified"],
      ['npx rondo get events --state Held --fate x', "unknown option '--fate'"],
      ['rondo get event', "'event' is invalid for argument 'noun'"],
    ] as const)
      expect(await complaint(text, false)).toContain(message);
    expect(await complaint('rondo hold', true)).toBeUndefined();
  });
});
