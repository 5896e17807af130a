import { describe, it } from '@jest/globals';

/** Real servers that specs can run against, and the variable that holds the address of each. */
const ADDRESSES = {
  kafka: 'RONDO_TEST_KAFKA',
  mongodb: 'RONDO_TEST_MONGODB',
  s3: 'RONDO_TEST_S3',
  collector: 'RONDO_TEST_COLLECTOR',
} as const;

/** A real server a spec may need. */
export type RealServerName = keyof typeof ADDRESSES;

/** Addresses by name, as `node deploy/native/with-servers.mjs` sets them. */
export type RealServers<N extends RealServerName> = Readonly<Record<N, string>>;

/**
 * `describe` for specs on real servers. Where an address is missing the specs are skipped and the report names the server; where
 * `RONDO_REQUIRE_REAL` is set (as in CI) a missing server fails instead.
 * @param names the servers needed
 * @param specs receives the addresses: `kafka` host:port list, `mongodb` connection string, `s3` endpoint URL with credentials, `collector`
 *   OTLP endpoint with the file that its spans are written to
 */
export function withRealServers<N extends RealServerName>(
  names: readonly N[],
  specs: (servers: RealServers<N>) => void,
): void {
  const missing = names.filter((name) => !process.env[ADDRESSES[name]]);
  const title = `on real ${names.join(', ')}`;
  if (missing.length === 0) {
    const found = names.map((name) => [name, process.env[ADDRESSES[name]]]);
    describe(title, () => specs(Object.fromEntries(found) as RealServers<N>));
    return;
  }
  const needs = missing.map((name) => ADDRESSES[name]).join(', ');
  if (process.env['RONDO_REQUIRE_REAL']) {
    describe(title, () =>
      it('has its servers', () => {
        throw new Error(`${needs} must be set; node deploy/native/with-servers.mjs sets them`);
      }),
    );
  } else {
    describe(title, () => it.skip(`skipped: ${missing.join(', ')} (${needs} not set)`, () => undefined));
  }
}
