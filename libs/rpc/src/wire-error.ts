import { ConflictError, Defect, PermanentError, TransientError, type ErrorCode, type ErrorDetail } from '@rondo/kernel';

/** Header (HTTP) or trailing metadata (gRPC) with the detail of an error as ASCII JSON. */
export const ERROR_HEADER = 'x-rondo-error';

/** What {@link ERROR_HEADER} carries. */
export interface WireDetail {
  readonly code: ErrorCode | 'canceled';
  readonly reason?: string;
  readonly field?: string;
  readonly value?: string;
  readonly rule?: string;
  /** Earliest useful moment for another attempt, in ms from now. */
  readonly retryAfterMs?: number;
  readonly traceId?: string;
}

/** Numbers of the codes in gRPC and Connect (google.rpc.Code). */
export const STATUS: Readonly<Record<ErrorCode | 'canceled', number>> = {
  canceled: 1,
  invalid: 3,
  'deadline-exceeded': 4,
  'not-found': 5,
  'already-exists': 6,
  denied: 7,
  exhausted: 8,
  'failed-precondition': 9,
  conflict: 10,
  'out-of-range': 11,
  internal: 13,
  unavailable: 14,
  'data-loss': 15,
  unauthenticated: 16,
};

const HTTP_STATUS: Readonly<Record<ErrorCode | 'canceled', number>> = {
  canceled: 499,
  invalid: 400,
  'deadline-exceeded': 504,
  'not-found': 404,
  'already-exists': 409,
  denied: 403,
  exhausted: 429,
  'failed-precondition': 400,
  conflict: 409,
  'out-of-range': 400,
  internal: 500,
  unavailable: 503,
  'data-loss': 500,
  unauthenticated: 401,
};

/** HTTP status that stands for a code, the same as Connect's. */
export const httpStatusOf = (code: ErrorCode | 'canceled'): number => HTTP_STATUS[code];

/** Codes that are the server's fault. */
const FAULTS: ReadonlySet<string> = new Set(['internal', 'data-loss', 'deadline-exceeded', 'unavailable']);

const VALUE_MAX = 200;
const MESSAGE_MAX = 4000;

/** The caller went away; nobody reads the answer. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone';
}

/** An error in the form that leaves the process: a code of the closed list, a message that gives nothing away, the detail. */
export class RpcFailure extends Error {
  override readonly name = 'RpcFailure';

  constructor(
    message: string,
    readonly detail: WireDetail,
    /** True when it is our fault, not the caller's. */
    readonly isFault: boolean,
    cause: unknown,
  ) {
    super(message.slice(0, MESSAGE_MAX), { cause });
  }

  get code(): WireDetail['code'] {
    return this.detail.code;
  }

  get status(): number {
    return STATUS[this.detail.code];
  }
}

/** Translates anything thrown. The text of unknown errors and defects stays inside; the trace id leads to the log. */
export function failureOf(error: unknown, traceId?: string): RpcFailure {
  if (error instanceof RpcFailure) return error;
  const trace = traceId === undefined ? {} : { traceId };
  if (error instanceof CallerGone)
    return new RpcFailure('the call was canceled', { code: 'canceled', ...trace }, false, error);
  if (error instanceof PermanentError && error.code !== 'internal') {
    const isFault = error.code === 'data-loss' || error.code === 'deadline-exceeded';
    return new RpcFailure(error.message, { code: error.code, ...wireDetail(error.detail), ...trace }, isFault, error);
  }
  if (error instanceof TransientError) {
    const wait = error.afterMs === undefined ? {} : { retryAfterMs: error.afterMs };
    return new RpcFailure(
      error.message,
      { code: error.code, ...wait, ...trace },
      !(error instanceof ConflictError),
      error,
    );
  }
  const where = traceId === undefined ? '' : ` (trace ${traceId})`;
  const reason = error instanceof Defect ? { reason: 'DEFECT' } : {};
  return new RpcFailure(
    `an unexpected error happened inside Rondo${where}`,
    { code: 'internal', ...reason, ...trace },
    true,
    error,
  );
}

function wireDetail(detail: ErrorDetail): Partial<WireDetail> {
  return {
    ...(detail.reason !== undefined && { reason: clip(detail.reason) }),
    ...(detail.field !== undefined && { field: clip(detail.field) }),
    ...(detail.value !== undefined && { value: clip(textOf(detail.value)) }),
    ...(detail.rule !== undefined && { rule: clip(detail.rule) }),
  };
}

const clip = (text: string): string => (text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text);

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  return (
    JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? String(item) : item)) ?? String(value)
  );
}

/** JSON in visible ASCII, fit for a header. */
export function encodeDetail(detail: WireDetail): string {
  return JSON.stringify(detail).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Rebuilds the error a server sent, on the client's side: TransientError for what may be tried again, else PermanentError. */
export function errorFromWire(
  status: number,
  message: string,
  header: string | undefined,
): PermanentError | TransientError {
  const detail = decodeDetail(header);
  const code = detail.code ?? codeOfStatus(status);
  if (code === 'unavailable' || code === 'canceled') {
    return new TransientError(message, detail.retryAfterMs === undefined ? {} : { afterMs: detail.retryAfterMs });
  }
  const { reason, field, value, rule } = detail;
  return new PermanentError(code, message, {
    ...(reason !== undefined && { reason }),
    ...(field !== undefined && { field }),
    ...(value !== undefined && { value }),
    ...(rule !== undefined && { rule }),
  });
}

/** The failure a server sent, to be handed on as it is. */
export function failureFromWire(
  status: number,
  message: string,
  header: string | undefined,
  cause: unknown,
): RpcFailure {
  const detail = decodeDetail(header);
  const code = detail.code ?? codeOfStatus(status);
  return new RpcFailure(message, { ...detail, code }, FAULTS.has(code), cause);
}

function codeOfStatus(status: number): WireDetail['code'] {
  const found = Object.entries(STATUS).find(([, number]) => number === status);
  return (found?.[0] as WireDetail['code'] | undefined) ?? (status === 12 ? 'not-found' : 'internal');
}

function decodeDetail(header: string | undefined): Partial<WireDetail> {
  if (header === undefined || header.length > 16_384) return {};
  try {
    const parsed: unknown = JSON.parse(header);
    if (parsed === null || typeof parsed !== 'object') return {};
    const record = parsed as Record<string, unknown>;
    const text = (key: string): Record<string, string> =>
      typeof record[key] === 'string' ? { [key]: record[key] } : {};
    return {
      ...(typeof record['code'] === 'string' &&
        Object.hasOwn(STATUS, record['code']) && { code: record['code'] as WireDetail['code'] }),
      ...text('reason'),
      ...text('field'),
      ...text('value'),
      ...text('rule'),
      ...text('traceId'),
      ...(typeof record['retryAfterMs'] === 'number' && { retryAfterMs: record['retryAfterMs'] }),
    };
  } catch {
    return {};
  }
}
