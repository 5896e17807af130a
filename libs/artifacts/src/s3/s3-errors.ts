import { PermanentError, TransientError, messageOf } from '@rondo/kernel';
import { serverOf, type S3Address } from './s3-address.js';

/** What the store was doing, for messages: `write`, `read`, `look up` or `delete`. */
export type S3Action = 'write' | 'read' | 'look up' | 'delete';

/** What an S3 client's failure carries, as far as it can be relied on. */
interface S3Failure {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const WRONG_KEYS = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'ExpiredToken',
  'CredentialsProviderError',
]);
const WRONG_REGION = new Set([
  'AuthorizationHeaderMalformed',
  'PermanentRedirect',
  'IncorrectRegion',
  'IllegalLocationConstraintException',
]);
const NO_RIGHTS = new Set(['AccessDenied', 'Forbidden', 'AllAccessDisabled', 'AccountProblem']);
const ABSENT = new Set(['NoSuchKey', 'NotFound']);

/** True when the server says that the object, not the bucket, is absent. */
export function isAbsent(error: unknown): boolean {
  return ABSENT.has((error as S3Failure).name ?? '');
}

/**
 * One error of the house for whatever the client threw: what a person has to mend is permanent (`denied`, `failed-precondition`,
 * with `reason` one of `S3_BUCKET_MISSING`, `S3_WRONG_KEYS`, `S3_NO_RIGHTS`, `S3_WRONG_REGION`, `S3_NOT_S3`, `S3_CLOCK_SKEW`),
 * everything else (network, throttling, 5xx, time-outs) is transient.
 */
export function explainS3Error(error: unknown, action: S3Action, address: S3Address): Error {
  if (error instanceof PermanentError || error instanceof TransientError) return error;
  const { name = '', code, $metadata } = error as S3Failure;
  const status = $metadata?.httpStatusCode;
  const { bucket, region } = address;
  const server = serverOf(address);
  const stop = (kind: 'denied' | 'failed-precondition', field: string, value: string, reason: string, text: string) =>
    new PermanentError(kind, `artifact store: ${text}`, { field, value, rule: text, reason, cause: error });
  if (name === 'NoSuchBucket') {
    return stop(
      'failed-precondition',
      'bucket',
      bucket,
      'S3_BUCKET_MISSING',
      `bucket "${bucket}" does not exist at ${server}; create it or correct the address`,
    );
  }
  if (WRONG_KEYS.has(name)) {
    return stop(
      'denied',
      'credentials',
      name,
      'S3_WRONG_KEYS',
      `${server} does not accept the access key or its secret (${name}); correct the keys`,
    );
  }
  if (WRONG_REGION.has(name)) {
    return stop(
      'failed-precondition',
      'region',
      region,
      'S3_WRONG_REGION',
      `bucket "${bucket}" at ${server} is not in region "${region}"; correct the region`,
    );
  }
  if (name === 'RequestTimeTooSkewed') {
    return stop(
      'failed-precondition',
      'clock',
      new Date().toISOString(),
      'S3_CLOCK_SKEW',
      `the clocks of this machine and of ${server} differ too much; synchronise them`,
    );
  }
  if (NO_RIGHTS.has(name) || status === 403) {
    return stop(
      'denied',
      'bucket',
      bucket,
      'S3_NO_RIGHTS',
      `these keys may not ${action} objects in bucket "${bucket}" (${name}); grant s3:${RIGHTS[action]}`,
    );
  }
  if (isForeign(error as S3Failure)) {
    return stop(
      'failed-precondition',
      'endpoint',
      server,
      'S3_NOT_S3',
      `${server} answers, but not as an S3 server does; correct the endpoint`,
    );
  }
  const what = code ?? (name || 'unknown failure');
  return new TransientError(
    `artifact store: cannot ${action} in bucket "${bucket}" at ${server} (${what}: ${messageOf(error).slice(0, 200)})`,
    { cause: error },
  );
}

const RIGHTS: Record<S3Action, string> = {
  write: 'PutObject and s3:AbortMultipartUpload',
  read: 'GetObject',
  'look up': 'ListBucket (without it an absent object cannot be told from a forbidden one)',
  delete: 'DeleteObject',
};

/** An answer below 500 without an S3 error code in it: a web page, another service, a proxy. */
function isForeign({ name = '', $metadata, message = '' }: S3Failure): boolean {
  const status = $metadata?.httpStatusCode;
  if (status !== undefined && status >= 500) return false;
  const parsed = /deserialization|is not expected|unclosed|expected closing tag/i.test(message);
  return (
    parsed || (status !== undefined && (name === '' || /^(Error|UnknownError|Unknown|\d+|SyntaxError)$/.test(name)))
  );
}
