import { nearest } from '../document/nearest.js';
import type { ExpressionContext, FieldType } from './contexts.js';
import { refuse, type Syntax } from './syntax.js';

type Scalar = FieldType['type'];
interface Typed {
  readonly type: Scalar;
  /** Closed list of a text. */
  readonly values?: readonly string[];
}

/** Paths that are known to be present when the expression is true, and when it is false. */
interface Presence {
  readonly whenTrue: ReadonlySet<string>;
  readonly whenFalse: ReadonlySet<string>;
}

const NONE: ReadonlySet<string> = new Set();
const NOTHING: Presence = { whenTrue: NONE, whenFalse: NONE };
const join = (a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> => new Set([...a, ...b]);
const meet = (a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> =>
  new Set([...a].filter((path) => b.has(path)));

const SYMBOLS: Readonly<Record<string, string>> = {
  '_<_': '<',
  '_<=_': '<=',
  '_>_': '>',
  '_>=_': '>=',
  '_==_': '==',
  '_!=_': '!=',
  '_+_': '+',
  '_-_': '-',
  '_*_': '*',
  '_/_': '/',
  '_%_': '%',
};
const ORDER = new Set(['_<_', '_<=_', '_>_', '_>=_']);
const EQUALITY = new Set(['_==_', '_!=_']);
const ARITHMETIC = new Set(['_+_', '_-_', '_*_', '_/_', '_%_']);
const TEXT_TESTS = new Set(['startsWith', 'endsWith', 'contains']);
const isNumber = (type: Scalar): boolean => type === 'int' || type === 'double';

/** Variables an expression names. */
export interface CheckedExpression {
  readonly paths: ReadonlySet<string>;
}

/**
 * Checks an expression against its context before it is ever evaluated: every variable and field exists, operators and
 * functions fit their operands, texts are compared with possible values, optional values are guarded by `has`, integers
 * are divided by literals only, and the result is a bool. Throws ExpressionRefused.
 */
export function checkExpression(syntax: Syntax, context: ExpressionContext): CheckedExpression {
  const checker = new Checker(context);
  const { type } = checker.typeOf(syntax, NONE);
  if (type !== 'bool') refuse(`the expression gives ${article(type)}, it must give a bool`, 1);
  return { paths: checker.paths };
}

class Checker {
  readonly paths = new Set<string>();
  constructor(private readonly context: ExpressionContext) {}

  typeOf(node: Syntax, present: ReadonlySet<string>): Typed & { readonly presence: Presence } {
    switch (node.kind) {
      case 'literal':
        return { type: node.type, presence: NOTHING };
      case 'read':
        return { ...this.read(node.path, node.column, present), presence: NOTHING };
      case 'has':
        return this.has(node.path, node.column);
      case 'list':
        return refuse('a list can only stand to the right of `in`', node.column);
      case 'call':
        return this.call(node, present);
    }
  }

  private field(path: readonly string[], column: number): FieldType {
    const [group = '', name = '', ...rest] = path;
    const groups = Object.keys(this.context);
    const fields = Object.hasOwn(this.context, group) ? this.context[group] : undefined;
    if (!fields)
      return refuse(`there is no variable ${group}${nearest(group, groups)}; there are ${groups.join(', ')}`, column);
    if (name === '')
      return refuse(`${group} is a group; name one of its fields: ${Object.keys(fields).join(', ')}`, column);
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (!field) return refuse(`${group} has no field ${name}${nearest(name, Object.keys(fields))}`, column);
    if (rest.length > 0) return refuse(`${group}.${name} is ${article(field.type)} and has no fields`, column);
    return field;
  }

  private read(path: readonly string[], column: number, present: ReadonlySet<string>): Typed {
    const field = this.field(path, column);
    const text = path.join('.');
    this.paths.add(text);
    if (field.optional && !present.has(text))
      refuse(`${text} may be absent: write has(${text}) && ... around it`, column);
    return field;
  }

  private has(path: readonly string[], column: number): Typed & { presence: Presence } {
    if (!this.field(path, column).optional)
      refuse(`${path.join('.')} is always present, has(...) says nothing`, column);
    this.paths.add(path.join('.'));
    return { type: 'bool', presence: { whenTrue: new Set([path.join('.')]), whenFalse: NONE } };
  }

  private call(node: Syntax & { kind: 'call' }, present: ReadonlySet<string>): Typed & { presence: Presence } {
    const { name, args, column } = node;
    const [first, second] = args;
    if (name === '_&&_' || name === '_||_') return this.junction(node, present);
    if (name === '_?_:_') return this.conditional(node, present);
    if (name === '!_' && first) {
      const { presence } = this.bool(first, present, '!');
      return { type: 'bool', presence: { whenTrue: presence.whenFalse, whenFalse: presence.whenTrue } };
    }
    if (name === '@in' && first && second) return this.membership(first, second, present);
    const operands = args.map((arg) => this.typeOf(arg, present));
    return { ...this.operation(name, operands, args, column), presence: NOTHING };
  }

  private bool(node: Syntax, present: ReadonlySet<string>, operator: string): { presence: Presence } {
    const { type, presence } = this.typeOf(node, present);
    if (type !== 'bool') refuse(`${operator} needs a bool, found ${article(type)}`, node.column);
    return { presence };
  }

  /** The right side is judged knowing what the left side has shown; a chain parsed to several operands works alike. */
  private junction(node: Syntax & { kind: 'call' }, present: ReadonlySet<string>): Typed & { presence: Presence } {
    const and = node.name === '_&&_';
    let known = present;
    let presence: Presence | undefined;
    for (const arg of node.args) {
      const { presence: own } = this.bool(arg, known, and ? '&&' : '||');
      known = join(known, and ? own.whenTrue : own.whenFalse);
      presence =
        presence === undefined
          ? own
          : and
            ? { whenTrue: join(presence.whenTrue, own.whenTrue), whenFalse: meet(presence.whenFalse, own.whenFalse) }
            : { whenTrue: meet(presence.whenTrue, own.whenTrue), whenFalse: join(presence.whenFalse, own.whenFalse) };
    }
    return { type: 'bool', presence: presence ?? NOTHING };
  }

  private conditional(node: Syntax & { kind: 'call' }, present: ReadonlySet<string>): Typed & { presence: Presence } {
    const [condition, then, otherwise] = node.args as [Syntax, Syntax, Syntax];
    const { presence } = this.bool(condition, present, '?:');
    const a = this.typeOf(then, join(present, presence.whenTrue));
    const b = this.typeOf(otherwise, join(present, presence.whenFalse));
    if (a.type !== b.type) refuse(`both results of ?: must have one type, found ${a.type} and ${b.type}`, node.column);
    return { type: a.type, presence: NOTHING };
  }

  private membership(item: Syntax, list: Syntax, present: ReadonlySet<string>): Typed & { presence: Presence } {
    const left = this.typeOf(item, present);
    if (list.kind !== 'list') return refuse('the right side of `in` must be a list such as ["a", "b"]', list.column);
    for (const element of list.items) this.comparable('in', left, this.typeOf(element, present), item, element);
    return { type: 'bool', presence: NOTHING };
  }

  private operation(name: string, operands: readonly Typed[], args: readonly Syntax[], column: number): Typed {
    const [a, b] = operands;
    const symbol = SYMBOLS[name] ?? name;
    if (a && b && operands.length === 2 && args[0] && args[1]) {
      if (EQUALITY.has(name)) return this.comparable(symbol, a, b, args[0], args[1]);
      if (ORDER.has(name)) {
        const ordered = (isNumber(a.type) && isNumber(b.type)) || (a.type === 'string' && b.type === 'string');
        return ordered ? { type: 'bool' } : refuse(`${symbol} cannot compare ${a.type} with ${b.type}`, column);
      }
      if (ARITHMETIC.has(name)) return this.arithmetic(name, a, b, args[1], column);
      if (TEXT_TESTS.has(name)) {
        const texts = a.type === 'string' && b.type === 'string';
        return texts ? { type: 'bool' } : refuse(`${name} needs texts, found ${a.type} and ${b.type}`, column);
      }
    }
    if (a && operands.length === 1) {
      if (name === '-_' && isNumber(a.type)) return { type: a.type };
      if (name === 'double' && isNumber(a.type)) return { type: 'double' };
      if (name === 'int' && a.type === 'int') return { type: 'int' };
      if (name === 'size' && a.type === 'string') return { type: 'int' };
    }
    const types = operands.map((operand) => operand.type).join(', ');
    return refuse(
      `there is no ${symbol}(${types}); there are operators, in, has, double, int, size, startsWith, endsWith, contains`,
      column,
    );
  }

  private arithmetic(name: string, a: Typed, b: Typed, divisor: Syntax, column: number): Typed {
    const symbol = SYMBOLS[name] ?? name;
    if (!isNumber(a.type) || a.type !== b.type)
      return refuse(`${symbol} cannot combine ${a.type} with ${b.type}; double(...) converts an int`, column);
    if (name === '_%_' && a.type !== 'int') return refuse('% needs ints', column);
    const dividesInts = a.type === 'int' && (name === '_/_' || name === '_%_');
    if (dividesInts && (divisor.kind !== 'literal' || divisor.value === 0n))
      return refuse('ints are divided by a literal other than 0 only; use double(...)', divisor.column);
    return { type: a.type };
  }

  private comparable(symbol: string, a: Typed, b: Typed, left: Syntax, right: Syntax): Typed {
    if (a.type !== b.type && !(isNumber(a.type) && isNumber(b.type)))
      return refuse(`${symbol} cannot compare ${a.type} with ${b.type}`, right.column);
    possible(a.values, right);
    possible(b.values, left);
    return { type: 'bool' };
  }
}

function possible(values: readonly string[] | undefined, node: Syntax): void {
  if (!values || node.kind !== 'literal' || typeof node.value !== 'string' || values.includes(node.value)) return;
  refuse(`"${node.value}" never occurs${nearest(node.value, values)}; possible are ${values.join(', ')}`, node.column);
}

function article(type: Scalar): string {
  return type === 'int' ? 'an int' : `a ${type}`;
}
