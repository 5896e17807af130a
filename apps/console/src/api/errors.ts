import { Code, ConnectError } from '@connectrpc/connect';

/** What kind of trouble the person is in; decides what the page offers next. */
export type ProblemKind =
  'conflict' | 'forbidden' | 'invalid' | 'notFound' | 'precondition' | 'unauthenticated' | 'unavailable' | 'unknown';

/** An error in words a person can act on. */
export interface Problem {
  readonly kind: ProblemKind;
  readonly title: string;
  readonly message: string;
  /** Stable code of the server, for example `ETAG_MISMATCH`. */
  readonly reason?: string;
  readonly field?: string;
  readonly value?: string;
  readonly rule?: string;
}

const KINDS: Partial<Record<Code, readonly [ProblemKind, string]>> = {
  [Code.Aborted]: ['conflict', 'It changed since you loaded it'],
  [Code.PermissionDenied]: ['forbidden', 'You may not do this'],
  [Code.InvalidArgument]: ['invalid', 'The server refused the input'],
  [Code.NotFound]: ['notFound', 'It does not exist'],
  [Code.FailedPrecondition]: ['precondition', 'Not possible in the present state'],
  [Code.AlreadyExists]: ['precondition', 'It exists already'],
  [Code.ResourceExhausted]: ['precondition', 'A limit is reached'],
  [Code.Unauthenticated]: ['unauthenticated', 'You are not signed in'],
  [Code.Unavailable]: ['unavailable', 'The server does not answer'],
  [Code.DeadlineExceeded]: ['unavailable', 'The server did not answer in time'],
  [Code.Unimplemented]: ['unavailable', 'This server does not offer it'],
};

/** Detail the server puts beside the status. Anything malformed counts as absent. */
function detailOf(error: ConnectError): Record<string, unknown> {
  const header = error.metadata.get('x-rondo-error');
  if (header === null || header.length > 16_384) return {};
  try {
    const detail: unknown = JSON.parse(header);
    return typeof detail === 'object' && detail !== null ? (detail as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : value === undefined || value === null ? undefined : JSON.stringify(value);

/** Turns whatever was thrown into a problem with a name, the server's reason and, when it said so, field, value and rule. */
export function problemOf(thrown: unknown): Problem {
  const error = ConnectError.from(thrown);
  const detail = detailOf(error);
  const reason = text(detail['reason']);
  const [kind, title] = KINDS[error.code] ?? ['unknown', 'Something went wrong'];
  const stale = reason === 'ETAG_MISMATCH' || reason === 'EVIDENCE_CHANGED';
  return {
    kind: stale ? 'conflict' : kind,
    title: stale ? 'It changed since you loaded it' : title,
    message: error.rawMessage || 'No explanation was given.',
    ...(reason !== undefined && { reason }),
    ...(text(detail['field']) !== undefined && { field: text(detail['field'])! }),
    ...(text(detail['value']) !== undefined && { value: text(detail['value'])! }),
    ...(text(detail['rule']) !== undefined && { rule: text(detail['rule'])! }),
  };
}

/** Worth trying again without a change? */
export function isRetryable(thrown: unknown): boolean {
  const kind = problemOf(thrown).kind;
  return kind === 'unavailable' || kind === 'unknown';
}
