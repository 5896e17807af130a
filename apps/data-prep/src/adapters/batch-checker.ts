import { type Engine, identifier, identifiers, literal, scanOf, timestampLiteral } from '@rondo/datasets';
import { boundText, type AmountRule, type BatchContract, type ColumnRule } from '../domain/contract.js';
import { finding, type Finding } from '../domain/finding.js';

/** What the rows are measured against besides the contract. */
export interface CheckContext {
  readonly startMs: number;
  readonly endMs: number;
  readonly eventTimeColumn: string;
  readonly signal: AbortSignal;
}

/** What was found in the rows of a batch. */
export interface CheckedRows {
  readonly findings: readonly Finding[];
  /** Rows in which a column is missing, in the order of the contract's columns. */
  readonly nulls: readonly number[];
}

interface RowRule {
  readonly condition: string;
  toFinding(count: number, samplesJson: readonly string[]): Finding;
}

/** Measures canonical rows against their contract and interval, with one statement for all counts. */
export async function checkRows(
  engine: Engine,
  path: string,
  contract: BatchContract,
  context: CheckContext,
): Promise<CheckedRows> {
  const source = scanOf(path, 'parquet');
  const rules = [...contract.columns.flatMap(columnRules), ...intervalRules(context)];
  const amounts = [...contract.amounts, ...contract.columns.flatMap(uniqueRule)];
  const time = identifier(context.eventTimeColumn);
  const measures = [
    'count(*) AS n',
    `epoch_ms(min(${time})::TIMESTAMP) AS first_ms`,
    `epoch_ms(max(${time})::TIMESTAMP) AS last_ms`,
    ...contract.columns.map(({ name }, index) => `count(${identifier(name)}) AS present${index}`),
    ...rules.map(({ condition }, index) => `count(*) FILTER (WHERE ${condition}) AS rule${index}`),
    ...amounts.map((rule, index) => `${amountOf(rule, source)} AS amount${index}`),
  ];
  const [row] = await engine.query(`SELECT ${measures.join(', ')} FROM ${source}`, context.signal);
  const measured = (name: string): number => Number(row![name]);
  const findings: Finding[] = [];
  for (const [index, rule] of rules.entries()) {
    const count = measured(`rule${index}`);
    if (count > 0)
      findings.push(rule.toFinding(count, await samplesOf(engine, source, rule.condition, context.signal)));
  }
  const rows = measured('n');
  for (const [index, rule] of amounts.entries())
    findings.push(...amountFindings(rule, measured(`amount${index}`), rows));
  if (row!['first_ms'] !== null)
    findings.push(...coverageFindings(contract, context, measured('first_ms'), measured('last_ms')));
  return { findings, nulls: contract.columns.map((_, index) => rows - measured(`present${index}`)) };
}

function columnRules(rule: ColumnRule): RowRule[] {
  const column = identifier(rule.name);
  const rules: RowRule[] = [];
  const add = (code: Finding['code'], condition: string, says: string, bound: string): void => {
    rules.push({
      condition,
      toFinding: (count, samplesJson) =>
        finding(code, rule.name, `${count.toLocaleString('en-US')} rows: ${rule.name} ${says}`, bound, {
          count,
          samplesJson,
        }),
    });
  };
  if (rule.required) add('NULL_VALUE', `${column} IS NULL`, 'is missing', 'required');
  const low = rule.minimum === undefined ? [] : [`${column} < ${rule.minimum}`];
  const high = rule.maximum === undefined ? [] : [`${column} > ${rule.maximum}`];
  if (rule.type === 'DOUBLE') low.push(`isnan(${column})`);
  if (low.length + high.length > 0) {
    const unit = rule.unit ? ` ${rule.unit}` : '';
    add(
      'RANGE',
      [...low, ...high].join(' OR '),
      'is out of range',
      `${rule.minimum ?? '-∞'} to ${rule.maximum ?? '∞'}${unit}`,
    );
  }
  if (rule.type !== 'VARCHAR') return rules;
  if (rule.minLength !== undefined)
    add('LENGTH', `length(${column}) < ${rule.minLength}`, 'is too short', `at least ${rule.minLength} characters`);
  if (rule.maxLength !== undefined)
    add('LENGTH', `length(${column}) > ${rule.maxLength}`, 'is too long', `at most ${rule.maxLength} characters`);
  if (rule.pattern !== undefined)
    add('PATTERN', `NOT regexp_matches(${column}, ${literal(rule.pattern)})`, 'has another form', rule.pattern);
  return rules;
}

function intervalRules({ eventTimeColumn, startMs, endMs }: CheckContext): RowRule[] {
  const time = identifier(eventTimeColumn);
  const words = `${new Date(startMs).toISOString()} to ${new Date(endMs).toISOString()}, end excluded`;
  return [
    {
      condition: `${time} < ${timestampLiteral(startMs)} OR ${time} >= ${timestampLiteral(endMs)}`,
      toFinding: (count, samplesJson) =>
        finding('OUTSIDE_INTERVAL', eventTimeColumn, `${count} rows lie outside the announced interval`, words, {
          count,
          samplesJson,
        }),
    },
  ];
}

function coverageFindings(
  { coverageMs }: BatchContract,
  context: CheckContext,
  firstMs: number,
  lastMs: number,
): Finding[] {
  if (coverageMs === undefined) return [];
  const gaps = [
    { gapMs: firstMs - context.startMs, words: 'the oldest row comes', edge: 'after the interval begins' },
    { gapMs: context.endMs - lastMs, words: 'the newest row comes', edge: 'before the interval ends' },
  ];
  return gaps
    .filter(({ gapMs }) => gapMs > coverageMs)
    .map(({ gapMs, words, edge }) =>
      finding(
        'COVERAGE',
        context.eventTimeColumn,
        `${words} ${(gapMs / 3_600_000).toFixed(1)} h ${edge}`,
        `at most ${coverageMs / 3_600_000} h`,
      ),
    );
}

const AMOUNT_CODE = { rows: 'ROW_COUNT', nulls: 'NULL_RATE', duplicates: 'DUPLICATE_ROWS' } as const;

function uniqueRule({ name, unique }: ColumnRule): AmountRule[] {
  return unique ? [{ measure: 'duplicates', columns: [name], unit: 'rows', atMost: 0, severity: 'blocking' }] : [];
}

function amountOf({ measure, columns }: AmountRule, source: string): string {
  switch (measure) {
    case 'rows':
      return 'count(*)';
    case 'nulls':
      return `count(*) FILTER (WHERE ${columns.map((name) => `${identifier(name)} IS NULL`).join(' OR ')})`;
    case 'duplicates':
      return `(SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM ${source} GROUP BY ${identifiers(columns)}))`;
  }
}

function amountFindings(rule: AmountRule, count: number, rows: number): Finding[] {
  const value = rule.unit === 'percent' ? (rows === 0 ? 0 : (100 * count) / rows) : count;
  if (value >= (rule.atLeast ?? -Infinity) && value <= (rule.atMost ?? Infinity)) return [];
  const field = rule.columns.length === 1 ? rule.columns[0]! : '';
  const amount = rule.unit === 'percent' ? `${value.toFixed(2)} percent (${count} of ${rows} rows)` : `${count} rows`;
  const words = {
    rows: `the batch has ${amount}`,
    nulls: `${field} is missing in ${amount}`,
    duplicates: `${amount} repeat another row${field && ` in ${field}`}`,
  }[rule.measure];
  return [finding(AMOUNT_CODE[rule.measure], field, words, boundText(rule), { severity: rule.severity, count })];
}

async function samplesOf(engine: Engine, source: string, condition: string, signal: AbortSignal): Promise<string[]> {
  const rows = await engine.query(`SELECT * FROM ${source} WHERE ${condition} LIMIT 5`, signal);
  return rows.map((row) => JSON.stringify(row).slice(0, 2_000));
}
