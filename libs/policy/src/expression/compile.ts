import { celEnv, CelScalar, isCelError, plan } from '@bufbuild/cel';
import { PermanentError } from '@rondo/kernel';
import { LIMITS } from '../limits.js';
import { checkExpression } from './check.js';
import {
  CONTEXTS,
  type ContextName,
  type ContextValues,
  type ExpressionContext,
  type FieldType,
  type ReadValue,
} from './contexts.js';
import { ExpressionRefused, parseExpression, type ExpressionProblem, type ParsedExpression } from './syntax.js';

/** What an evaluation gave. */
export interface Evaluation {
  readonly value: boolean;
  /** Every variable the evaluation read, by its path, with its value; `has(x)` of an absent one is not listed. */
  readonly read: Readonly<Record<string, ReadValue>>;
}

/** A checked expression, ready to be evaluated any number of times. */
export interface CompiledExpression {
  readonly source: string;
  /** Every variable the expression names. */
  readonly paths: readonly string[];
  /**
   * Evaluates against the values. Each part is evaluated at most once, so the work is bounded by the expression's size.
   * @throws PermanentError `failed-precondition` when a value it reads is absent, not finite or of another type, or when
   * integer arithmetic overflows; the error names the path
   */
  evaluate(values: ContextValues): Evaluation;
}

/** The first problem of an expression, or undefined when it may be used in that context. */
export function expressionProblem(source: string, contextName: ContextName): ExpressionProblem | undefined {
  try {
    checkExpression(parseExpression(source).syntax, CONTEXTS[contextName]);
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionRefused) return error.problem;
    throw error;
  }
}

/** Parses, type-checks and plans an expression. Throws PermanentError `invalid` naming the column. */
export function compileExpression(source: string, contextName: ContextName): CompiledExpression {
  try {
    const { parsed, syntax } = parseExpression(source);
    const context: ExpressionContext = CONTEXTS[contextName];
    const { paths } = checkExpression(syntax, context);
    return { source, paths: [...paths].sort(), evaluate: evaluatorOf(source, parsed, paths, context) };
  } catch (error) {
    if (!(error instanceof ExpressionRefused)) throw error;
    throw new PermanentError('invalid', `column ${error.problem.column}: ${error.problem.message}`, {
      field: contextName,
      value: source,
      rule: 'cel-type',
      cause: error,
    });
  }
}

const SCALARS = {
  double: CelScalar.DOUBLE,
  int: CelScalar.INT,
  bool: CelScalar.BOOL,
  string: CelScalar.STRING,
} as const;
const HAS = '@has.';

type Expr = NonNullable<ParsedExpression['expr']>;

/** `a.b` becomes one variable and `has(a.b)` another, so that each read passes a getter that notes it. */
function flattened(expr: Expr): Expr {
  const { exprKind: kind } = expr;
  switch (kind.case) {
    case 'selectExpr': {
      const name = `${nameOf(kind.value.operand)}.${kind.value.field}`;
      return {
        ...expr,
        exprKind: {
          case: 'identExpr',
          value: { $typeName: 'cel.expr.Expr.Ident', name: kind.value.testOnly ? HAS + name : name },
        },
      };
    }
    case 'callExpr': {
      const { target } = kind.value;
      const args = kind.value.args.map(flattened);
      return {
        ...expr,
        exprKind: { case: 'callExpr', value: { ...kind.value, ...(target && { target: flattened(target) }), args } },
      };
    }
    case 'listExpr':
      return {
        ...expr,
        exprKind: { case: 'listExpr', value: { ...kind.value, elements: kind.value.elements.map(flattened) } },
      };
    default:
      return expr;
  }
}

function nameOf(expr: Expr | undefined): string {
  return expr?.exprKind.case === 'identExpr' ? expr.exprKind.value.name.replace(/^\./, '') : '';
}

function evaluatorOf(source: string, parsed: ParsedExpression, paths: ReadonlySet<string>, context: ExpressionContext) {
  const typed = [...paths].map((path) => ({ path, field: fieldOf(context, path) }));
  const variables = Object.fromEntries(
    typed.flatMap(({ path, field }) => [
      [path, SCALARS[field.type]],
      [HAS + path, CelScalar.BOOL],
    ]),
  );
  const run = plan(celEnv({ variables }), flattened(parsed.expr as Expr)) as (
    bindings: Record<string, unknown>,
  ) => unknown;
  return (values: ContextValues): Evaluation => {
    const read: Record<string, ReadValue> = {};
    const bindings = Object.create(null) as Record<string, unknown>;
    for (const { path, field } of typed) {
      const [group = '', name = ''] = path.split('.');
      const raw = values[group]?.[name];
      Object.defineProperty(bindings, HAS + path, { get: () => raw !== undefined });
      Object.defineProperty(bindings, path, {
        get: () => {
          read[path] = checkedValue(raw, field, path, source);
          return field.type === 'int' ? BigInt(read[path] as number) : read[path];
        },
      });
    }
    const result = run(bindings);
    if (typeof result === 'boolean') return { value: result, read };
    throw new PermanentError('failed-precondition', `"${source}" could not be evaluated: ${failureOf(result)}`, {
      value: source,
      rule: 'gives a bool',
      reason: 'EXPRESSION_FAILED',
    });
  };
}

function fieldOf(context: ExpressionContext, path: string): FieldType {
  const [group = '', name = ''] = path.split('.');
  return context[group]?.[name] as FieldType;
}

function failureOf(result: unknown): string {
  return isCelError(result) ? result.message : `it gave ${typeof result}`;
}

const JS_TYPES = { double: 'number', int: 'number', bool: 'boolean', string: 'string' } as const;

function checkedValue(raw: ReadValue | undefined, field: FieldType, path: string, source: string): ReadValue {
  const wrong =
    raw === undefined
      ? 'is absent'
      : typeof raw !== JS_TYPES[field.type]
        ? `is a ${typeof raw} and not a ${field.type}`
        : typeof raw === 'number' && !(field.type === 'int' ? Number.isSafeInteger(raw) : Number.isFinite(raw))
          ? `is ${raw}`
          : typeof raw === 'string' && raw.length > LIMITS.expressionTextLength
            ? `has ${raw.length} characters`
            : undefined;
  if (wrong === undefined && raw !== undefined) return raw;
  throw new PermanentError('failed-precondition', `${path} ${wrong}, so "${source}" cannot be evaluated`, {
    field: path,
    value: typeof raw === 'string' ? raw.slice(0, 100) : raw,
    rule: `a ${field.type}`,
    reason: 'VALUE_MISSING',
  });
}
