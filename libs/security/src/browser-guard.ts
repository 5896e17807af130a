import { PermanentError } from '@rondo/kernel';

/** The part of a request that the browser guard looks at. */
export interface GuardedRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Protects people who have a browser open: refuses host names that are not ours (DNS rebinding) and changes asked for by
 * other sites (CSRF).
 * @param hosts names without port that the server answers to, besides the loopback names
 * @throws `denied` with reason `HOST_UNKNOWN` or `CROSS_ORIGIN`
 */
export function guardBrowser(request: GuardedRequest, hosts: readonly string[] = []): void {
  const host = one(request.headers['host']).toLowerCase();
  const name = host.replace(/:\d+$/, '');
  if (!LOOPBACK.includes(name) && !hosts.includes(name)) {
    throw new PermanentError('denied', `this server does not answer to the host name "${name.slice(0, 100)}"`, {
      field: 'host',
      value: name.slice(0, 100),
      rule: `one of: ${[...LOOPBACK, ...hosts].join(', ')}`,
      reason: 'HOST_UNKNOWN',
    });
  }
  if (SAFE.has(request.method)) return;
  const site = one(request.headers['sec-fetch-site']);
  const origin = one(request.headers['origin']);
  // Only a browser sets Sec-Fetch-Site and no page can change it; it wins over Origin, which a strict referrer policy turns to null.
  const bySite = site !== '' && site !== 'same-origin' && site !== 'none';
  const byOrigin = site === '' && origin !== '' && hostOf(origin) !== host;
  // A cookie travels by itself; then the browser has to say where the call comes from.
  const unproven =
    site === '' &&
    origin === '' &&
    /(?:^|;\s*)rondo_session=/.test(one(request.headers['cookie'])) &&
    one(request.headers['authorization']) === '';
  if (bySite || byOrigin || unproven) {
    throw new PermanentError('denied', 'a change was asked for from another site', {
      field: 'origin',
      value: (origin || site).slice(0, 100),
      rule: 'same origin',
      reason: 'CROSS_ORIGIN',
    });
  }
}

const one = (value: string | readonly string[] | undefined): string =>
  typeof value === 'string' ? value : (value?.join(',') ?? '');

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host.toLowerCase() : undefined;
}
