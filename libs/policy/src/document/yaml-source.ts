import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  visit,
  type Document,
  type Node,
} from 'yaml';
import type { CST } from 'yaml';
import { LIMITS } from '../limits.js';
import type { Problem } from './problem.js';
import { pathText, type Path } from './path.js';

/** A YAML or JSON text as plain data, with the place of every path in it. */
export interface SourceDocument {
  readonly value: unknown;
  /** Place of the value at the path, or of its nearest parent that exists. */
  place(path: Path): { readonly line: number; readonly column: number };
}

/** What reading gave: data, or every reason why not. */
export type Reading =
  { readonly ok: true; readonly source: SourceDocument } | { readonly ok: false; readonly problems: Problem[] };

const START = { line: 1, column: 1 };

/**
 * Reads one YAML 1.2 document (JSON is a subset) with the core tags only. Refuses what is too big, too deep or repeated
 * too often, several documents, duplicate keys, keys that are no strings, merge keys (`<<`) and custom tags.
 */
export function readYaml(text: string): Reading {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > LIMITS.documentBytes)
    return refused(START, `the document has ${bytes} bytes, at most ${LIMITS.documentBytes} are read`, 'document-size');
  if (tooManyTokens(text))
    return refused(
      START,
      `the document has more than ${LIMITS.documentTokens} tokens or is nested too deep`,
      'document-nodes',
    );
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const tooDeep = tokens.some((token) => depthExceeds(token, LIMITS.documentDepth * 2));
  if (tooDeep) return refused(START, `maps and lists are nested deeper than ${LIMITS.documentDepth}`, 'document-depth');
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
  });
  const documents = [...composer.compose(tokens, true, text.length)];
  const placeOf = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  if (documents.length !== 1)
    return refused(START, `one document is expected, found ${documents.length}`, 'single-document');
  const document = documents[0] as Document.Parsed;
  const syntax = [...document.errors, ...document.warnings].slice(0, LIMITS.problems);
  if (syntax.length > 0)
    return {
      ok: false,
      problems: syntax.map((error) => ({
        path: '',
        message: error.message,
        ...placeOf(error.pos[0]),
        rule: 'yaml-syntax',
      })),
    };
  return new Reader(document, placeOf).read();
}

function refused(at: { line: number; column: number }, message: string, rule: string): Reading {
  return { ok: false, problems: [{ path: '', message, ...at, rule }] };
}

/** Looks at the tokens alone, in linear time: parsing and composing take longer the deeper a text is nested. */
function tooManyTokens(text: string): boolean {
  let tokens = 0;
  let flowDepth = 0;
  for (const token of new Lexer().lex(text)) {
    tokens++;
    if (token === '[' || token === '{') flowDepth++;
    else if (token === ']' || token === '}') flowDepth--;
    if (tokens > LIMITS.documentTokens || flowDepth > LIMITS.documentDepth) return true;
  }
  return false;
}

/** Walks the concrete syntax with its own stack: composing recurses and must not be reached by what is too deep. */
function depthExceeds(token: CST.Token, limit: number): boolean {
  const stack: [CST.Token, number][] = [[token, 0]];
  while (stack.length > 0) {
    const [current, depth] = stack.pop() as [CST.Token, number];
    if (depth > limit) return true;
    if (current.type === 'document' && current.value) stack.push([current.value, depth]);
    if (!('items' in current)) continue;
    for (const item of current.items) {
      if ('key' in item && item.key) stack.push([item.key, depth + 1]);
      if (item.value) stack.push([item.value, depth + 1]);
    }
  }
  return false;
}

type PlaceOf = (offset: number) => { line: number; column: number };

/** Turns nodes into plain data, counting what aliases repeat. */
class Reader {
  private readonly problems: Problem[] = [];
  private readonly places = new Map<string, number>();
  private readonly anchors = new Map<string, Node>();
  private readonly open = new Set<Node>();
  private nodes = 0;
  private aliases = 0;

  constructor(
    private readonly document: Document.Parsed,
    private readonly placeOf: PlaceOf,
  ) {
    visit(document, {
      Node: (_key, node) => {
        if (!isAlias(node) && node.anchor !== undefined) this.anchors.set(node.anchor, node);
      },
    });
  }

  read(): Reading {
    const value = this.valueOf(this.document.contents, []);
    if (this.problems.length > 0) return { ok: false, problems: this.problems.slice(0, LIMITS.problems) };
    return { ok: true, source: { value, place: (path) => this.place(path) } };
  }

  private place(path: Path): { line: number; column: number } {
    for (let length = path.length; length >= 0; length--) {
      const offset = this.places.get(pathText(path.slice(0, length)));
      if (offset !== undefined) return this.placeOf(offset);
    }
    return START;
  }

  private refuse(node: Node | null | undefined, path: Path, message: string, rule: string): undefined {
    this.problems.push({ path: pathText(path), message, ...this.placeOf(node?.range?.[0] ?? 0), rule });
    return undefined;
  }

  private valueOf(node: Node | null | undefined, path: Path): unknown {
    if (!node) return null;
    this.nodes++;
    if (this.nodes > LIMITS.documentNodes) {
      if (this.nodes === LIMITS.documentNodes + 1)
        this.refuse(node, path, `the document holds more than ${LIMITS.documentNodes} values`, 'document-nodes');
      return undefined;
    }
    const key = pathText(path);
    if (!this.places.has(key) && node.range) this.places.set(key, node.range[0]);
    if (path.length > LIMITS.documentDepth)
      return this.refuse(node, path, `maps and lists are nested deeper than ${LIMITS.documentDepth}`, 'document-depth');
    if (isAlias(node)) return this.aliasOf(node.source, node, path);
    if (isScalar(node)) return node.value;
    if (isSeq(node)) return node.items.map((item, index) => this.valueOf(item as Node | null, [...path, index]));
    if (isMap(node)) return this.mapOf(node.items as MapItem[], path);
    return this.refuse(node, path, 'this kind of node is not understood', 'yaml-syntax');
  }

  private aliasOf(name: string, node: Node, path: Path): unknown {
    this.aliases++;
    if (this.aliases > LIMITS.aliases)
      return this.refuse(node, path, `more than ${LIMITS.aliases} aliases`, 'alias-count');
    const target = this.anchors.get(name);
    if (!target) return this.refuse(node, path, `the alias *${name} has no anchor`, 'alias-target');
    if (this.open.has(target)) return this.refuse(node, path, `the alias *${name} contains itself`, 'alias-target');
    this.open.add(target);
    const value = this.valueOf(target, path);
    this.open.delete(target);
    return value;
  }

  private mapOf(items: readonly MapItem[], path: Path): unknown {
    const entries = new Map<string, unknown>();
    for (const { key, value } of items) {
      if (!isScalar(key) || typeof key.value !== 'string') {
        this.refuse(key, path, 'a key must be a plain string', 'string-key');
        continue;
      }
      const name = key.value;
      const inner = [...path, name];
      if (name === '<<') this.refuse(key, inner, 'merge keys (<<) are not accepted', 'merge-key');
      else if (name === '__proto__') this.refuse(key, inner, 'the key __proto__ is not accepted', 'string-key');
      else if (entries.has(name)) this.refuse(key, inner, `the key ${name} is given twice`, 'duplicate-key');
      else {
        if (key.range) this.places.set(pathText(inner), key.range[0]);
        entries.set(name, this.valueOf(value, inner));
      }
    }
    return Object.fromEntries(entries);
  }
}

interface MapItem {
  readonly key: Node | null;
  readonly value: Node | null;
}
