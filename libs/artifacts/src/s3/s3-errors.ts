import { PermanentError, TransientError } from '@rondo/kernel';
import { serverOf, type S3Address } from './s3-address.js';

/** What the store was doing, for messages. */
export type S3Action = 'write' | 'read' | 'look up' | 'delete';

/** What a failure of the S3 client carries, as far as it can be relied on. */
interface S3Failure {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** A failure that a person has to mend: how it is recognised, what it is called and what to do. */
interface Mend {
  readonly names: ReadonlySet<string>;
  readonly code: 'denied' | 'failed-precondition';
  readonly field: 'bucket' | 'credentials' | 'region' | 'clock' | 'endpoint';
  readonly reason: string;
  readonly say: (address: S3Address, action: S3Action, name: string) => string;
}

const RIGHTS: Record<S3Action, string> = {
  write: 's3:PutObject and s3:AbortMultipartUpload',
  read: 's3:GetObject',
  'look up': 's3:ListBucket (without it an absent object cannot be told from a forbidden one)',
  delete: 's3:DeleteObject',
};

const NO_RIGHTS: Mend = {
  names: new Set(['AccessDenied', 'Forbidden', 'AllAccessDisabled']),
  code: 'denied',
  field: 'bucket',
  reason: 'S3_NO_RIGHTS',
  say: ({ bucket }, action) => `these keys may not ${action} objects in bucket "${bucket}"; grant ${RIGHTS[action]}`,
};

const NOT_S3: Mend = {
  names: new Set(),
  code: 'failed-precondition',
  field: 'endpoint',
  reason: 'S3_NOT_S3',
  say: (address) => `${serverOf(address)} answers, but not as an S3 server does; correct the endpoint`,
};

const MENDS: readonly Mend[] = [
  {
    names: new Set(['NoSuchBucket']),
    code: 'failed-precondition',
    field: 'bucket',
    reason: 'S3_BUCKET_MISSING',
    say: (address) =>
      `bucket "${address.bucket}" does not exist at ${serverOf(address)}; create it or correct the address`,
  },
  {
    names: new Set([
      'InvalidAccessKeyId',
      'SignatureDoesNotMatch',
      'InvalidToken',
      'ExpiredToken',
      'CredentialsProviderError',
    ]),
    code: 'denied',
    field: 'credentials',
    reason: 'S3_WRONG_KEYS',
    say: (address, _, name) =>
      `${serverOf(address)} does not accept the access key or its secret (${name}); correct the keys`,
  },
  {
    names: new Set(['AuthorizationHeaderMalformed', 'PermanentRedirect', 'IncorrectRegion']),
    code: 'failed-precondition',
    field: 'region',
    reason: 'S3_WRONG_REGION',
    say: (address) =>
      `bucket "${address.bucket}" at ${serverOf(address)} is not in region "${address.region}"; correct the region`,
  },
  {
    names: new Set(['RequestTimeTooSkewed']),
    code: 'failed-precondition',
    field: 'clock',
    reason: 'S3_CLOCK_SKEW',
    say: (address) => `the clocks of this machine and of ${serverOf(address)} differ too much; synchronise them`,
  },
  NO_RIGHTS,
];

/** True when the server says that the object, not the bucket, is absent. */
export function isAbsent(error: unknown): boolean {
  return ['NoSuchKey', 'NotFound'].includes((error as S3Failure).name ?? '');
}

/**
 * One error of the house for whatever the client threw. What a person has to mend is permanent (`denied` or
 * `failed-precondition`) with `reason` one of `S3_BUCKET_MISSING`, `S3_WRONG_KEYS`, `S3_NO_RIGHTS`, `S3_WRONG_REGION`,
 * `S3_CLOCK_SKEW`, `S3_NOT_S3`; everything else (network, throttling, 5xx, time-outs) is transient.
 */
export function explainS3Error(error: unknown, action: S3Action, address: S3Address): Error {
  if (error instanceof PermanentError || error instanceof TransientError) return error;
  const failure = error as S3Failure;
  const mend = mendOf(failure);
  if (mend) {
    const rule = mend.say(address, action, failure.name ?? '');
    return new PermanentError(mend.code, `artifact store: ${rule}`, {
      field: mend.field,
      value: valueOf(mend.field, address),
      rule,
      reason: mend.reason,
      cause: error,
    });
  }
  const what = failure.code ?? failure.name ?? 'unknown failure';
  return new TransientError(
    `artifact store: cannot ${action} in bucket "${address.bucket}" at ${serverOf(address)} (${what})`,
    { cause: error },
  );
}

function mendOf(failure: S3Failure): Mend | undefined {
  const named = MENDS.find((mend) => mend.names.has(failure.name ?? ''));
  if (named) return named;
  const status = failure.$metadata?.httpStatusCode;
  if (status === undefined || status >= 500 || status === 429) return undefined;
  if (isForeign(failure)) return NOT_S3;
  return status === 403 ? NO_RIGHTS : undefined;
}

/** An answer without an S3 error code in it: a web page, another service, a proxy. */
function isForeign(failure: S3Failure): boolean {
  return /^(|Error|SyntaxError|TypeError|Unknown|UnknownError|\d{3})$/.test(failure.name ?? '');
}

function valueOf(field: Mend['field'], address: S3Address): string {
  switch (field) {
    case 'bucket':
      return address.bucket;
    case 'region':
      return address.region;
    case 'endpoint':
      return serverOf(address);
    case 'credentials':
      return address.credentials === 'ambient' ? 'ambient' : address.credentials.accessKeyId;
    case 'clock':
      return new Date().toISOString();
  }
}
