import { readFileSync, statSync } from 'node:fs';
import { messageOf, parseDurationMs, PermanentError } from '@rondo/kernel';
import { Secret } from './secret.js';

/** One setting. */
export interface Setting {
  /**
   * `string`, `number`, `int`, `boolean` (true/false), `duration` (`90m` or milliseconds; the key ends in `Ms`),
   * `bytes` (`64MiB` or bytes; the key ends in `Bytes`), `enum` (see `values`), `list` (comma separated).
   */
  readonly type: 'string' | 'number' | 'int' | 'boolean' | 'duration' | 'bytes' | 'enum' | 'list';
  /** Value when the environment says nothing, written as the environment would. Without it the setting is required. */
  readonly default?: string;
  /** May be absent: the value is then `undefined`. */
  readonly optional?: true;
  /** For the documentation, for example `rows`. */
  readonly unit?: string;
  /** Bounds: of the value, or of the length of a string. In ms for durations. */
  readonly min?: number;
  readonly max?: number;
  /** Allowed values of an `enum`. */
  readonly values?: readonly string[];
  /** One line: what it does. */
  readonly help: string;
  /** The value is a {@link Secret}; strings only. */
  readonly secret?: true;
  /** Variable to read when it is not `RONDO_` and the key in upper snake case. */
  readonly env?: string;
}

/** Settings by key in camel case. */
export type ConfigSchema = Readonly<Record<string, Setting>>;

type Plain<S extends Setting> = S['type'] extends 'number' | 'int' | 'duration' | 'bytes'
  ? number
  : S['type'] extends 'boolean'
    ? boolean
    : S['type'] extends 'list'
      ? readonly string[]
      : S['type'] extends 'enum'
        ? S extends { readonly values: readonly (infer V)[] }
          ? V
          : string
        : S extends { readonly secret: true }
          ? Secret
          : string;

/** The frozen value of a schema. */
export type ConfigOf<C extends ConfigSchema> = {
  readonly [K in keyof C]: C[K] extends { readonly optional: true } ? Plain<C[K]> | undefined : Plain<C[K]>;
};

/** Variables by name; `process.env` in a shell, a literal in a test. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** One complaint about the environment. */
export interface ConfigProblem {
  readonly variable: string;
  readonly message: string;
}

/** Every problem of an environment at once; secrets are not quoted. */
export class ConfigError extends PermanentError {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly ConfigProblem[]) {
    const list = problems.map((problem) => `  ${problem.variable}: ${problem.message}`).join('\n');
    super('invalid', `the configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${list}`, {
      field: problems[0]?.variable ?? '',
      rule: problems[0]?.message ?? '',
      reason: 'CONFIGURATION_INVALID',
    });
  }
}

/** Where a value came from. */
export type ConfigSource = 'default' | 'environment' | 'file' | 'absent';

/** A setting as `rondo config explain` shows it. */
export interface ExplainedSetting {
  readonly key: string;
  readonly variable: string;
  readonly source: ConfigSource;
  /** Secrets show as `***`. */
  readonly shown: string;
}

/** Largest file a `*_FILE` variable may name, in bytes. */
const FILE_BYTES_MAX = 65_536;
const BYTE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
};

/** Declares a schema; throws a TypeError when the schema itself breaks a rule of naming or has a default that is not valid. */
export function defineConfig<const C extends ConfigSchema>(schema: C): C {
  for (const [key, setting] of Object.entries(schema)) {
    const refuse = (rule: string): never => {
      throw new TypeError(`setting ${key}: ${rule}`);
    };
    if (!/^[a-z][A-Za-z0-9]*$/.test(key)) refuse('the key is camel case');
    if (setting.type === 'duration' && !key.endsWith('Ms')) refuse('a duration ends in Ms');
    if (setting.type === 'bytes' && !key.endsWith('Bytes')) refuse('a size ends in Bytes');
    if (setting.secret && (setting.type !== 'string' || setting.default !== undefined))
      refuse('a secret is a string without default');
    if ((setting.type === 'enum') !== (setting.values !== undefined))
      refuse('values belong to an enum, and every enum has them');
    if (setting.default !== undefined) {
      const parsed = parseValue(setting, setting.default);
      if ('problem' in parsed) refuse(`its default ${parsed.problem}`);
    }
  }
  return schema;
}

/** Name of the variable a key is read from. */
export function variableOf(key: string, setting: Setting): string {
  return setting.env ?? `RONDO_${key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}`;
}

/**
 * Reads a schema from an environment. `X_FILE` names a file that holds the value of `X` (secrets mounted by an orchestrator).
 * @returns a frozen value
 * @throws ConfigError listing every problem at once
 */
export function parseConfig<C extends ConfigSchema>(schema: C, env: Environment): ConfigOf<C> {
  const problems: ConfigProblem[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, setting] of Object.entries(schema)) {
    const variable = variableOf(key, setting);
    const read = readText(variable, setting, env);
    if ('problem' in read) {
      problems.push({ variable, message: read.problem });
    } else if (read.text === undefined) {
      if (!setting.optional) problems.push({ variable, message: `is required: ${setting.help}` });
      values[key] = undefined;
    } else {
      const parsed = parseValue(setting, read.text);
      if ('problem' in parsed) problems.push({ variable, message: parsed.problem });
      else values[key] = parsed.value;
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(values) as ConfigOf<C>;
}

/** Where each value comes from; never shows a secret. Problems show as text instead of the value. */
export function explainConfig(schema: ConfigSchema, env: Environment): readonly ExplainedSetting[] {
  return Object.entries(schema).map(([key, setting]) => {
    const variable = variableOf(key, setting);
    const read = readText(variable, setting, env);
    if ('problem' in read) return { key, variable, source: 'environment', shown: `(${read.problem})` };
    return {
      key,
      variable,
      source: read.source,
      shown: setting.secret && read.text !== undefined ? '***' : (read.text ?? ''),
    };
  });
}

/** Variables with the prefix that no schema knows: most likely typing errors. */
export function unknownVariables(
  schemas: readonly ConfigSchema[],
  env: Environment,
  prefix = 'RONDO_',
): readonly string[] {
  const known = new Set(
    schemas.flatMap((schema) => Object.entries(schema).map(([key, setting]) => variableOf(key, setting))),
  );
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.has(name) && !known.has(name.replace(/_FILE$/, '')))
    .sort();
}

type Read = { readonly text: string | undefined; readonly source: ConfigSource } | { readonly problem: string };

function readText(variable: string, setting: Setting, env: Environment): Read {
  const own = env[variable];
  const file = env[`${variable}_FILE`];
  if (own !== undefined && file !== undefined) return { problem: `is set twice, also by ${variable}_FILE` };
  if (own !== undefined && own !== '') return { text: own, source: 'environment' };
  if (file === undefined)
    return { text: setting.default, source: setting.default === undefined ? 'absent' : 'default' };
  try {
    if (statSync(file).size > FILE_BYTES_MAX)
      return { problem: `the file of ${variable}_FILE is larger than ${FILE_BYTES_MAX} bytes` };
    return { text: readFileSync(file, 'utf8').replace(/\r?\n$/, ''), source: 'file' };
  } catch (error) {
    return { problem: `the file of ${variable}_FILE cannot be read: ${messageOf(error)}` };
  }
}

type Parsed = { readonly value: unknown } | { readonly problem: string };

function parseValue(setting: Setting, text: string): Parsed {
  switch (setting.type) {
    case 'boolean':
      return text === 'true' || text === 'false'
        ? { value: text === 'true' }
        : { problem: `"${text}" is neither true nor false` };
    case 'enum':
      return setting.values?.includes(text)
        ? { value: text }
        : { problem: `"${text}" is none of ${setting.values?.join(', ')}` };
    case 'list':
      return {
        value: Object.freeze(
          text
            .split(',')
            .map((item) => item.trim())
            .filter((item) => item !== ''),
        ),
      };
    case 'string':
      return bounded(setting, text.length, setting.secret ? new Secret(text) : text, 'characters');
    default:
      return parseNumber(setting, text);
  }
}

function parseNumber(setting: Setting, text: string): Parsed {
  const plain = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
  if (setting.type === 'number') {
    return plain === undefined
      ? { problem: `"${text}" is not a number` }
      : bounded(setting, plain, plain, setting.unit);
  }
  const whole = Number.isSafeInteger(plain) ? plain : undefined;
  if (setting.type === 'int') {
    return whole === undefined
      ? { problem: `"${text}" is not a whole number` }
      : bounded(setting, whole, whole, setting.unit);
  }
  const value = whole ?? (setting.type === 'duration' ? durationMs(text) : sizeBytes(text));
  const example = setting.type === 'duration' ? 'a duration such as 90m, 14d or 250ms' : 'a size such as 64MiB or 1000';
  return value === undefined
    ? { problem: `"${text}" is not ${example}` }
    : bounded(setting, value, value, setting.type === 'duration' ? 'ms' : 'bytes');
}

function durationMs(text: string): number | undefined {
  try {
    return parseDurationMs(text);
  } catch {
    return undefined;
  }
}

function sizeBytes(text: string): number | undefined {
  const match = /^(\d{1,12})(B|KiB|MiB|GiB|kB|MB|GB)?$/.exec(text);
  return match ? Number(match[1]) * BYTE_UNITS[match[2] ?? '']! : undefined;
}

function bounded(setting: Setting, measure: number, value: unknown, unit = ''): Parsed {
  const tail = unit === '' ? '' : ` ${unit}`;
  if (setting.min !== undefined && measure < setting.min)
    return { problem: `${measure}${tail} is below the least, ${setting.min}` };
  if (setting.max !== undefined && measure > setting.max)
    return { problem: `${measure}${tail} is above the most, ${setting.max}` };
  return { value };
}
