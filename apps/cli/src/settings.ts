import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf, PermanentError } from '@rondo/kernel';
import type { Surroundings } from './surroundings.js';

/** Where Rondo is and how to show who we are; flag before environment before file before default. */
export interface Settings {
  readonly server: string;
  readonly serverSource: string;
  readonly token: string | undefined;
  readonly tokenSource: string;
}

const DEFAULT_SERVER = '127.0.0.1:4701';

/** Reads the settings. @throws `invalid` for an address that is none, or a token file that is named but cannot be read */
export function readSettings(flags: { readonly server?: string | undefined }, around: Surroundings): Settings {
  const { env } = around;
  const [server, serverSource] =
    flags.server !== undefined
      ? [flags.server, '--server']
      : env['RONDO_SERVER']
        ? [env['RONDO_SERVER'], 'RONDO_SERVER']
        : [DEFAULT_SERVER, 'default'];
  if (!/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/.test(server)) {
    throw new PermanentError('invalid', `"${server}" is not the address of a server`, {
      field: 'server',
      value: server,
      rule: 'host:port',
    });
  }
  return { server, serverSource, ...tokenOf(around) };
}

function tokenOf({ env, cwd, home }: Surroundings): {
  readonly token: string | undefined;
  readonly tokenSource: string;
} {
  if (env['RONDO_TOKEN']) return { token: env['RONDO_TOKEN'].trim(), tokenSource: 'RONDO_TOKEN' };
  const named = env['RONDO_TOKEN_FILE'];
  if (named) return { token: readToken(named), tokenSource: `${named} (RONDO_TOKEN_FILE)` };
  for (const path of [
    join(resolve(cwd, env['RONDO_HOME'] ?? '.rondo'), 'token'),
    join(home, '.config', 'rondo', 'token'),
  ]) {
    if (existsSync(path)) return { token: readToken(path), tokenSource: path };
  }
  return { token: undefined, tokenSource: 'none' };
}

function readToken(path: string): string {
  try {
    if (statSync(path).size > 4096) throw new Error('it is larger than 4096 bytes');
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new PermanentError('invalid', `the token file ${path} cannot be used: ${messageOf(cause)}`, {
      field: 'token',
      value: path,
      rule: 'a readable file',
      cause,
    });
  }
}
