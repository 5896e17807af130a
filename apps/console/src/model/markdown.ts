/** One block of a document. */
export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** A stretch of text with one look. */
export interface Inline {
  readonly text: string;
  readonly look: 'plain' | 'strong' | 'code';
}

const MOST_LINES = 5000;

const cells = (line: string): string[] =>
  line
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());

const isTable = (line: string): boolean => line.startsWith('|');
const isRule = (line: string): boolean => /^\|[\s:|-]+\|$/.test(line);
const isItem = (line: string): boolean => line.startsWith('- ');

function blockOf(lines: readonly string[]): Block {
  const first = lines[0] ?? '';
  const heading = /^(#{1,6}) (.*)$/.exec(first);
  if (heading) return { kind: 'heading', level: heading[1]!.length, text: heading[2]! };
  if (isItem(first)) return { kind: 'list', items: lines.map((line) => line.replace(/^- /, '')) };
  if (!isTable(first)) return { kind: 'paragraph', text: lines.join(' ') };
  const [head = [], ...rows] = lines.filter((line) => !isRule(line)).map(cells);
  return { kind: 'table', head, rows };
}

const sort = (line: string): string => (isTable(line) ? 'table' : isItem(line) ? 'list' : 'words');

/** The part of Markdown that model cards use: headings, paragraphs, flat lists and tables. Everything else stays text. */
export function readMarkdown(text: string): Block[] {
  const blocks: string[][] = [];
  let before = '';
  for (const line of text.split('\n', MOST_LINES).map((raw) => raw.trimEnd())) {
    const alone = before === '' || before.startsWith('#') || line.startsWith('#') || sort(before) !== sort(line);
    if (line !== '') {
      if (alone) blocks.push([line]);
      else blocks.at(-1)!.push(line);
    }
    before = line;
  }
  return blocks.map(blockOf);
}

/** Splits a line into plain, **strong** and `code`; a backslash before a sign means the sign itself. */
export function inlines(line: string): Inline[] {
  const parts = line.split(/(\*\*[^*]+\*\*|`[^`]+`)/).filter((part) => part !== '');
  return parts.map((part): Inline => {
    if (part.length > 4 && part.startsWith('**') && part.endsWith('**'))
      return { text: plain(part.slice(2, -2)), look: 'strong' };
    if (part.length > 2 && part.startsWith('`') && part.endsWith('`')) return { text: part.slice(1, -1), look: 'code' };
    return { text: plain(part), look: 'plain' };
  });
}

const plain = (text: string): string => text.replace(/\\([!-/:-@[-`{-~])/g, '$1');
