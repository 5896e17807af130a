import { join } from 'node:path';
import { type Engine, type FileColumns, identifier, readable, scanOf } from '@rondo/datasets';
import type { BatchContract, ColumnRule, ColumnType } from '../domain/contract.js';
import { finding, type Finding } from '../domain/finding.js';
import { nearestName } from '../domain/nearest-name.js';

/** Rows under their declared types, and what did not fit. */
export interface ConformedRows {
  readonly path: string;
  readonly rows: number;
  readonly findings: readonly Finding[];
  /** Every column is there with its type. */
  readonly schemaIntact: boolean;
}

type Family = 'number' | 'text' | 'time' | 'boolean' | 'other';

/**
 * Reads an incoming file under the types of its contract and writes it as canonical Parquet: contract columns in contract
 * order, declared types, rows in total order. Neither the order of rows nor how upstream wrote the file changes the bytes.
 */
export async function conformRows(
  engine: Engine,
  sourcePath: string,
  contract: BatchContract,
  folder: string,
  signal: AbortSignal,
): Promise<ConformedRows> {
  const source = await engine.columnsOf(sourcePath);
  const scan = scanOf(sourcePath, source.format, { text: true });
  const present = new Set(source.columns.map(({ name }) => name));
  const list = contract.columns.map(({ name, type }) => {
    const value = present.has(name) ? `TRY_CAST(${identifier(name)} AS ${type})` : `NULL::${type}`;
    return `${value} AS ${identifier(name)}`;
  });
  const order = contract.columns.map(({ name }) => `${identifier(name)} NULLS LAST`).join(', ');
  const path = join(folder, 'rows.parquet');
  const select = `SELECT * FROM (SELECT ${list.join(', ')} FROM ${scan}) ORDER BY ${order}`;
  const [cast, { rows }] = await readable(
    sourcePath,
    Promise.all([
      castFindings(engine, scan, source, contract, signal),
      engine.writeParquet({ select, outPath: path, signal }),
    ]),
  );
  const findings = [...shapeFindings(source, rows, contract), ...cast];
  const broken = new Set(
    findings
      .filter(({ code, severity }) => severity === 'blocking' && (code === 'MISSING_COLUMN' || code === 'WRONG_TYPE'))
      .map(({ field }) => field),
  );
  return { path, rows, findings, schemaIntact: broken.size === 0 };
}

function shapeFindings(source: FileColumns, rows: number, contract: BatchContract): Finding[] {
  const present = new Map(source.columns.map(({ name, type }) => [name, type]));
  const wanted = new Set(contract.columns.map(({ name }) => name));
  const extra = [...present.keys()].filter((name) => !wanted.has(name));
  const missing = contract.columns
    .filter(({ name }) => !present.has(name))
    .map(({ name }) => {
      const like = nearestName(name, extra);
      const hint = like === undefined ? '' : `; the file has a column ${like}: was it renamed?`;
      return finding('MISSING_COLUMN', name, `the column ${name} is missing${hint}`, 'every column of the contract', {
        count: rows,
      });
    });
  const surplus = extra.map((name) =>
    finding(
      'EXTRA_COLUMN',
      name.slice(0, 128),
      `the column ${JSON.stringify(name.slice(0, 80))} is not in the contract and is left out`,
      'only columns of the contract',
      { severity: 'advisory' },
    ),
  );
  const types =
    source.format === 'csv'
      ? []
      : contract.columns.flatMap((rule) => typeFinding(rule, present.get(rule.name), source, rows));
  return [...missing, ...types, ...surplus];
}

/** A file that declares types must declare the right family: text that looks like a time today may not tomorrow. */
function typeFinding(rule: ColumnRule, type: string | undefined, source: FileColumns, rows: number): Finding[] {
  if (type === undefined) return [];
  const found = familyOf(type);
  const wanted = familyOf(rule.type);
  const jsonTime = source.format === 'json' && wanted === 'time' && found === 'text';
  if (found === wanted || jsonTime || type === '"NULL"') return [];
  return [
    finding('WRONG_TYPE', rule.name, `the column ${rule.name} is ${type}, not ${rule.type}`, `${rule.type}`, {
      count: rows,
    }),
  ];
}

function familyOf(type: string): Family {
  if (/^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL)/.test(type)) return 'number';
  if (/^(TIMESTAMP|DATE)/.test(type)) return 'time';
  return type === 'BOOLEAN' ? 'boolean' : type === 'VARCHAR' ? 'text' : 'other';
}

/** Values that are there but are no value of the declared type (a fraction is no whole number). */
async function castFindings(
  engine: Engine,
  scan: string,
  { format, columns }: FileColumns,
  contract: BatchContract,
  signal: AbortSignal,
): Promise<Finding[]> {
  const present = new Map(columns.map(({ name, type }) => [name, format === 'csv' ? 'VARCHAR' : type]));
  const risky = contract.columns.flatMap((rule) => {
    const type = present.get(rule.name);
    return type === undefined || alwaysFits(type, rule.type) ? [] : [{ rule, broken: brokenValue(rule, type) }];
  });
  if (risky.length === 0) return [];
  const counters = risky.map(({ broken }, index) => `count(*) FILTER (WHERE ${broken}) AS c${index}`);
  const [counts] = await engine.query(`SELECT ${counters.join(', ')} FROM ${scan}`, signal);
  const findings: Finding[] = [];
  for (const [index, { rule, broken }] of risky.entries()) {
    const count = Number(counts![`c${index}`]);
    if (count === 0) continue;
    const samples = await engine.query(`SELECT * FROM ${scan} WHERE ${broken} LIMIT 5`, signal);
    const samplesJson = samples.map((row) => JSON.stringify(row).slice(0, 2_000));
    findings.push(
      finding('WRONG_TYPE', rule.name, `${count} values of ${rule.name} are no ${rule.type}`, rule.type, {
        count,
        samplesJson,
      }),
    );
  }
  return findings;
}

const WHOLE = /^(TINYINT|SMALLINT|INTEGER|BIGINT|UTINYINT|USMALLINT|UINTEGER)$/;

/** Whether every value of one type is a value of the other, so that nobody has to look. */
function alwaysFits(from: string, to: ColumnType): boolean {
  if (from === to) return true;
  if (to === 'BIGINT') return WHOLE.test(from);
  return to === 'DOUBLE' && (WHOLE.test(from) || from === 'FLOAT');
}

function brokenValue({ name, type }: ColumnRule, sourceType: string): string {
  const column = identifier(name);
  const lost = `${column} IS NOT NULL AND TRY_CAST(${column} AS ${type}) IS NULL`;
  if (type !== 'BIGINT' || /^U?(TINY|SMALL|BIG|HUGE)?INT/.test(sourceType)) return lost;
  return `(${lost}) OR TRY_CAST(${column} AS DOUBLE) != floor(TRY_CAST(${column} AS DOUBLE))`;
}
