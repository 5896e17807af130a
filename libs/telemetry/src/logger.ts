import { messageOf } from '@rondo/kernel';
import { activeNode } from './context.js';
import type { Attributes, Logger } from './ports.js';

/** Levels from chatty to silent. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const TEXT_MAX = 8192;

export interface LoggerOptions {
  readonly service: string;
  /** Lines below it are dropped. Default `info`. */
  readonly level?: LogLevel;
  /** `json` for machines, `pretty` for a terminal. Default `json`. */
  readonly format?: 'json' | 'pretty';
  /** Receives each line, newline included. Default: standard error. */
  readonly write?: (line: string) => void;
  /** Milliseconds since the epoch. Default: the machine's clock. */
  readonly now?: () => number;
}

/** One line per event, as JSON (RFC 8259) or in a short readable form; carries the active trace id, pipeline and cycle. */
export function createLogger(options: LoggerOptions): Logger {
  const least = LEVELS.indexOf(options.level ?? 'info');
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const now = options.now ?? Date.now;
  const format = options.format === 'pretty' ? prettyLine : jsonLine;
  const build = (bound: Attributes): Logger => {
    const at =
      (level: LogLevel) =>
      (message: string, fields: Attributes = {}, error?: unknown) => {
        if (LEVELS.indexOf(level) < least) return;
        write(
          format({
            time: new Date(now()).toISOString(),
            level,
            message,
            ...lineFields(options.service, bound, fields, error),
          }),
        );
      };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => build({ ...bound, ...fields }),
    };
  };
  return build({});
}

type Line = Readonly<Record<string, unknown>> & {
  readonly time: string;
  readonly level: LogLevel;
  readonly message: string;
};

function lineFields(service: string, bound: Attributes, fields: Attributes, error: unknown): Record<string, unknown> {
  const node = activeNode();
  const context = node?.span.spanContext();
  return {
    service,
    ...(context && { trace_id: context.traceId, span_id: context.spanId }),
    ...node?.inherited,
    ...bound,
    ...fields,
    ...(error !== undefined && { error: describeError(error) }),
  };
}

/** The failure as log lines show it: class, code, message, stack and the chain of causes (at most five). */
export function describeError(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: clip(messageOf(error)) };
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    ...(typeof code === 'string' && { code }),
    message: clip(error.message),
    ...(error.stack !== undefined && depth === 0 && { stack: clip(error.stack) }),
    ...(error.cause !== undefined && depth < 5 && { cause: describeError(error.cause, depth + 1) }),
  };
}

const clip = (text: string): string =>
  text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}… (${text.length} characters)` : text;

function jsonLine(line: Line): string {
  return `${JSON.stringify(line, (_key, value: unknown) => (typeof value === 'string' ? clip(value) : typeof value === 'bigint' ? String(value) : value))}\n`;
}

/** Control characters would let a logged value forge lines or drive the terminal. */
const visible = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);

function prettyLine(line: Line): string {
  const {
    time,
    level,
    message,
    service,
    trace_id: traceId,
    span_id: _spanId,
    error,
    ...rest
  } = line as Line & Record<string, unknown>;
  const fields = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key.replace(/^rondo\./, '')}=${visible(clip(String(value)))}`);
  const trace = typeof traceId === 'string' ? [`trace=${traceId.slice(0, 8)}`] : [];
  const failure = error === undefined ? [] : [visible(errorChain(error as Record<string, unknown>))];
  return `${[time.slice(11, 23), level.toUpperCase().padEnd(5), String(service), visible(clip(message)), ...fields, ...trace, ...failure].join(' ')}\n`;
}

function errorChain(error: Record<string, unknown>): string {
  const own = `${String(error['type'] ?? 'error')}: ${String(error['message'])}`;
  return error['cause'] === undefined ? own : `${own} <- ${errorChain(error['cause'] as Record<string, unknown>)}`;
}
