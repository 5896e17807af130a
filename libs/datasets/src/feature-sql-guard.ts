import { createHash } from 'node:crypto';
import { RecentlyUsed } from '@rondo/kernel';
import type { Session } from './session.js';

/** Something that feature SQL must not contain. */
export interface SqlProblem {
  readonly code: 'NOT_ONE_SELECT' | 'UNKNOWN_TABLE' | 'FORBIDDEN_FUNCTION' | 'NOT_DETERMINISTIC' | 'SYNTAX';
  readonly message: string;
  /** The table, function or word concerned. */
  readonly subject: string;
}

/** Functions in FROM that touch nothing outside the statement. */
const TABLE_FUNCTIONS = new Set(['range', 'generate_series', 'unnest']);
/** Results depend on threads or on an order nobody gave; everything volatile is added from the engine's own catalogue. */
const UNSTABLE = new Set([
  'any_value',
  'arbitrary',
  'reservoir_quantile',
  'hash',
  'current_setting',
  'getvariable',
  'query',
  'query_table',
  'getenv',
]);
/** Written without parentheses, so the parser takes them for columns. */
const MOMENT_WORDS = new Set([
  'current_timestamp',
  'current_date',
  'current_time',
  'localtime',
  'localtimestamp',
  'current_user',
  'session_user',
  'user',
]);
const LONGEST_SQL = 100_000;

type Node = Readonly<Record<string, unknown>>;

/** By digest of text and tables: every batch of a pipeline brings the same. Kept for as many pipelines as one process serves. */
const judged = new RecentlyUsed<string, readonly SqlProblem[]>(2_000);

/**
 * Says what keeps a text from being feature SQL: exactly one SELECT over the given tables, without functions that read
 * elsewhere or whose result may differ from run to run. Works on the parse tree, so quoting and comments hide nothing.
 */
export async function featureSqlProblems(
  session: Session,
  sql: string,
  tables: readonly string[],
): Promise<readonly SqlProblem[]> {
  if (sql.length > LONGEST_SQL)
    return [{ code: 'SYNTAX', message: `longer than ${LONGEST_SQL} characters`, subject: 'sql' }];
  const key = createHash('sha256')
    .update(JSON.stringify([sql, tables]))
    .digest('base64');
  const known = judged.get(key);
  if (known) return known;
  const problems = await problemsIn(session, sql, tables);
  judged.set(key, problems);
  return problems;
}

async function problemsIn(session: Session, sql: string, tables: readonly string[]): Promise<SqlProblem[]> {
  const [row] = await session.rows('SELECT json_serialize_sql($1::VARCHAR)::VARCHAR AS tree', [sql]);
  const tree = JSON.parse(String(row?.['tree'])) as {
    error: boolean;
    error_message?: string;
    error_type?: string;
    statements?: Node[];
  };
  if (tree.error) {
    const notSelect = tree.error_type === 'not implemented';
    const message = (tree.error_message ?? 'cannot be parsed').split('\n', 1)[0]!;
    return [{ code: notSelect ? 'NOT_ONE_SELECT' : 'SYNTAX', message, subject: 'sql' }];
  }
  if (tree.statements?.length !== 1)
    return [{ code: 'NOT_ONE_SELECT', message: 'feature SQL is exactly one SELECT statement', subject: 'sql' }];
  const unstable = await unstableFunctions(session);
  const nodes = [...nodesOf(tree.statements[0]!)];
  const known = new Set([...tables, ...nodes.flatMap(commonTables)].map((name) => name.toLowerCase()));
  return nodes.flatMap((node) => problemsOf(node, known, unstable));
}

let unstableNames: ReadonlySet<string> | undefined;

/** The catalogue is the same in every instance of a process, because nothing can be installed; reading it takes some 25 ms of CPU. */
async function unstableFunctions(session: Session): Promise<ReadonlySet<string>> {
  if (unstableNames) return unstableNames;
  const volatile = await session.rows(
    "SELECT DISTINCT lower(function_name) AS name FROM duckdb_functions() WHERE stability IN ('VOLATILE', 'CONSISTENT_WITHIN_QUERY')",
  );
  unstableNames = new Set([...UNSTABLE, ...volatile.map((entry) => String(entry['name']))]);
  return unstableNames;
}

function* nodesOf(root: unknown): Generator<Node> {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const next = open.pop();
    if (next === null || typeof next !== 'object') continue;
    if (!Array.isArray(next)) yield next as Node;
    open.push(...Object.values(next));
  }
}

function commonTables(node: Node): string[] {
  const map = (node['cte_map'] as { map?: { key: string }[] } | undefined)?.map ?? [];
  const recursive = typeof node['cte_name'] === 'string' ? [node['cte_name']] : [];
  return [...map.map((entry) => entry.key), ...recursive];
}

function problemsOf(node: Node, known: ReadonlySet<string>, unstable: ReadonlySet<string>): SqlProblem[] {
  const type = node['type'];
  if (type === 'BASE_TABLE') return tableProblems(node, known);
  if (type === 'TABLE_FUNCTION') {
    const name = nameOf(node['function'] as Node);
    return TABLE_FUNCTIONS.has(name)
      ? []
      : [{ code: 'FORBIDDEN_FUNCTION', message: `${name}() may not stand in FROM`, subject: name }];
  }
  if (node['sample'] !== null && typeof node['sample'] === 'object') return [unstableProblem('USING SAMPLE')];
  if (type === 'SHOW_REF')
    return [{ code: 'NOT_ONE_SELECT', message: 'DESCRIBE, SHOW and SUMMARIZE are not features', subject: 'show' }];
  if (node['class'] === 'COLUMN_REF') {
    const names = node['column_names'] as string[];
    const word = names.length === 1 ? names[0]!.toLowerCase() : '';
    return MOMENT_WORDS.has(word) ? [unstableProblem(word)] : [];
  }
  if (node['class'] === 'FUNCTION' || node['class'] === 'WINDOW') {
    const name = nameOf(node);
    return unstable.has(name) || name.startsWith('approx_') ? [unstableProblem(name)] : [];
  }
  return [];
}

function tableProblems(node: Node, known: ReadonlySet<string>): SqlProblem[] {
  const name = String(node['table_name']);
  const qualified = [node['catalog_name'], node['schema_name']].some((part) => typeof part === 'string' && part !== '');
  if (!qualified && known.has(name.toLowerCase())) return [];
  return [
    {
      code: 'UNKNOWN_TABLE',
      message: `table ${JSON.stringify(name.slice(0, 80))} is not one of those given`,
      subject: name.slice(0, 80),
    },
  ];
}

function nameOf(node: Node | undefined): string {
  return String(node?.['function_name'] ?? '').toLowerCase();
}

function unstableProblem(subject: string): SqlProblem {
  return { code: 'NOT_DETERMINISTIC', message: `${subject} may give another result on another run`, subject };
}
