import { parse } from '@bufbuild/cel';
import { LIMITS } from '../limits.js';

/** A syntax tree with only what policies may use; `column` counts from 1. */
export type Syntax =
  | {
      readonly kind: 'literal';
      readonly type: 'double' | 'int' | 'bool' | 'string';
      readonly value: number | bigint | boolean | string;
      readonly column: number;
    }
  | { readonly kind: 'read'; readonly path: readonly string[]; readonly column: number }
  | { readonly kind: 'has'; readonly path: readonly string[]; readonly column: number }
  | { readonly kind: 'list'; readonly items: readonly Syntax[]; readonly column: number }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Syntax[]; readonly column: number };

/** What is wrong with an expression and where. */
export interface ExpressionProblem {
  readonly message: string;
  /** Column in the expression, from 1. */
  readonly column: number;
}

/** The tree as the library parses it. */
export type ParsedExpression = ReturnType<typeof parse>;
type Expr = NonNullable<ParsedExpression['expr']>;

/** Thrown inside this folder only. */
export class ExpressionRefused extends Error {
  constructor(readonly problem: ExpressionProblem) {
    super(problem.message);
  }
}

/** Stops with a problem. */
export function refuse(message: string, column: number): never {
  throw new ExpressionRefused({ message, column });
}

/** Parses within the limits on length, nesting and size. Throws {@link ExpressionRefused}. */
export function parseExpression(source: string): { parsed: ParsedExpression; syntax: Syntax } {
  if (source.length > LIMITS.expressionLength)
    refuse(`the expression has ${source.length} characters, at most ${LIMITS.expressionLength} are read`, 1);
  if (bracketDepth(source) > LIMITS.expressionDepth)
    refuse(`brackets are nested deeper than ${LIMITS.expressionDepth}`, 1);
  let parsed: ParsedExpression;
  try {
    parsed = parse(source);
  } catch (error) {
    return refuse(...syntaxError(error));
  }
  if (!parsed.expr) return refuse('the expression is empty', 1);
  const positions = parsed.sourceInfo?.positions ?? {};
  let nodes = 0;
  const columnOf = (expr: Expr): number => (positions[String(expr.id)] ?? 0) + 1;
  const convert = (expr: Expr | undefined): Syntax => {
    if (!expr) return refuse('the expression is empty', 1);
    nodes++;
    if (nodes > LIMITS.expressionNodes)
      return refuse(`the expression has more than ${LIMITS.expressionNodes} parts`, 1);
    return converted(expr, columnOf(expr), convert);
  };
  return { parsed, syntax: convert(parsed.expr) };
}

/** Deepest nesting of brackets, those inside texts included: the parser recurses and must not be reached by more. */
function bracketDepth(source: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of source) {
    if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) depth--;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

function syntaxError(error: unknown): [string, number] {
  const { message, location } = error as { message?: string; location?: { start?: { column?: number } } };
  const text = String(message ?? error).replace(/^syntax error <input>:\d+:\d+: /, '');
  return [`syntax error: ${text}`, location?.start?.column ?? 1];
}

function converted(expr: Expr, column: number, convert: (expr: Expr | undefined) => Syntax): Syntax {
  const { exprKind: kind } = expr;
  switch (kind.case) {
    case 'constExpr':
      return literalOf(kind.value.constantKind, column);
    case 'identExpr':
      return { kind: 'read', path: [kind.value.name.replace(/^\./, '')], column };
    case 'selectExpr': {
      const operand = convert(kind.value.operand);
      if (operand.kind !== 'read') return refuse(`.${kind.value.field} can only follow a variable`, column);
      return {
        kind: kind.value.testOnly ? 'has' : 'read',
        path: [...operand.path, kind.value.field],
        column: operand.column,
      };
    }
    case 'callExpr': {
      const target = kind.value.target === undefined ? [] : [kind.value.target];
      return { kind: 'call', name: kind.value.function, args: [...target, ...kind.value.args].map(convert), column };
    }
    case 'listExpr':
      return { kind: 'list', items: kind.value.elements.map(convert), column };
    case 'comprehensionExpr':
      return refuse('all, exists, exists_one, map and filter are not available: no variable is a list', column);
    default:
      return refuse('maps and messages are not available', column);
  }
}

type ConstantKind = Extract<Expr['exprKind'], { case: 'constExpr' }>['value']['constantKind'];

function literalOf(constant: ConstantKind, column: number): Syntax {
  switch (constant.case) {
    case 'boolValue':
      return { kind: 'literal', type: 'bool', value: constant.value, column };
    case 'int64Value':
      return { kind: 'literal', type: 'int', value: constant.value, column };
    case 'doubleValue':
      return { kind: 'literal', type: 'double', value: constant.value, column };
    case 'stringValue':
      return { kind: 'literal', type: 'string', value: constant.value, column };
    default:
      return refuse('only numbers, texts, true and false are available as literals', column);
  }
}
