import { PermanentError } from '@rondo/kernel';

/** Keys of an S3 account. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Only of temporary keys. */
  readonly sessionToken?: string;
}

/** Where a bucket is and how requests to it are signed. */
export interface S3Address {
  /** Base URL of an S3-compatible server; AWS in the region when left out. */
  readonly endpoint?: string;
  readonly region: string;
  readonly bucket: string;
  /** Keys, or `ambient`: the SDK looks for them itself (environment, profile, web identity, instance role). */
  readonly credentials: S3Credentials | 'ambient';
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * Reads `http://KEY:SECRET@host:port/bucket?region=us-east-1`. Key and secret are percent-encoded; without them the
 * credentials are `ambient`. The region defaults to `us-east-1`.
 * @throws PermanentError `invalid` that names the part which is wrong and never repeats the secret
 */
export function parseS3Address(text: string): S3Address {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw refused('endpoint', 'an http or https URL');
  const bucket = url.pathname.slice(1);
  if (!BUCKET.test(bucket)) {
    throw refused('bucket', 'one path segment of 3 to 63 lower-case letters, digits, "." and "-"', bucket);
  }
  for (const name of url.searchParams.keys()) {
    if (name !== 'region') throw refused(name, 'absent: the only parameter is "region"');
  }
  if ((url.username === '') !== (url.password === '')) throw refused('credentials', 'key and secret, or neither');
  return {
    endpoint: `${url.protocol}//${url.host}`,
    region: url.searchParams.get('region') || 'us-east-1',
    bucket,
    credentials: url.username === '' ? 'ambient' : keysOf(url),
  };
}

/** Names the server in messages. */
export function serverOf(address: S3Address): string {
  return address.endpoint ?? `AWS S3 in ${address.region}`;
}

function keysOf(url: URL): S3Credentials {
  try {
    return { accessKeyId: decodeURIComponent(url.username), secretAccessKey: decodeURIComponent(url.password) };
  } catch {
    throw refused('credentials', 'percent-encoded');
  }
}

function refused(field: string, rule: string, value?: string): PermanentError {
  const detail = value === undefined ? { field, rule } : { field, rule, value };
  return new PermanentError('invalid', `S3 address: ${field} must be ${rule}`, detail);
}
