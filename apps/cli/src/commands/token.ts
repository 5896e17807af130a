import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PermanentError } from '@rondo/kernel';
import type { TokenEntry, TokenFile } from '@rondo/security';
import type { Command } from 'commander';
import { idOf } from '../find.js';
import type { Shape } from '../output.js';
import type { Action } from '../program.js';
import { momentFromNowMs, type Session } from '../session.js';

interface FolderOptions {
  readonly folder?: string;
}
interface NewTokenOptions extends FolderOptions {
  readonly principal: string;
  readonly role: string[];
  readonly expires?: string;
}
type RoleNames = TokenEntry['roles'];

/** `token`: access tokens of the installation whose token file lies here; no server is asked. */
export function tokenCommands(program: Command, action: Action): void {
  const token = program
    .command('token')
    .description('access tokens, in the file of an installation; no server is asked');
  const withFolder = (command: Command): Command =>
    command.option('--folder <path>', 'folder of tokens.json (default: RONDO_HOME, or .rondo)');
  withFolder(token.command('create'))
    .description('make a token and print it, this once; the file keeps only its hash')
    .requiredOption('--principal <id>', 'whose it is, such as alice or service:crm')
    .requiredOption('--role <role...>', 'viewer, annotator, approver, operator, producer, admin')
    .option('--expires <moment>', 'a day, RFC 3339, or a duration from now such as 90d (default: never)')
    .action(action((session, options: NewTokenOptions) => create(session, options)));
  withFolder(token.command('list'))
    .description('every token, without its secret')
    .action(
      action(async (session, options: FolderOptions) =>
        session.list(tokenShape, (await open(session, options)).list()),
      ),
    );
  withFolder(token.command('revoke'))
    .description('take a token away; it is refused within a second')
    .argument('<token>', 'id of the token')
    .action(
      action(async (session, name: string, options: FolderOptions) => {
        const id = idOf('token', name);
        (await open(session, options)).revoke(id);
        session.around.out(`token/${id} revoked\n`);
      }, 1),
    );
}

async function create(session: Session, options: NewTokenOptions): Promise<void> {
  const { principal, role, expires } = options;
  const now = session.around.clock.now();
  const expiresAtMs = expires === undefined ? undefined : momentFromNowMs(expires, now, 'expires');
  if (expiresAtMs !== undefined && expiresAtMs <= now)
    throw new PermanentError('invalid', 'the token would have expired already', {
      field: 'expires',
      value: expires,
      rule: 'a moment to come',
    });
  const tokens = await open(session, options);
  const request = { principal, roles: role as unknown as RoleNames, ...(expiresAtMs !== undefined && { expiresAtMs }) };
  const { id, token } = tokens.create(request);
  session.around.out(`${token}\n`);
  session.note(`token/${id} of ${principal} (${role.join(', ')}); it is not shown again`);
}

/** The token file; a new one only in a folder that was named, so that a wrong working folder is noticed. */
async function open(session: Session, { folder }: FolderOptions): Promise<TokenFile> {
  const { cwd, env, clock } = session.around;
  const path = resolve(cwd, folder ?? env['RONDO_HOME'] ?? '.rondo');
  if (folder === undefined && !existsSync(join(path, 'tokens.json')))
    throw new PermanentError('not-found', `there is no token file in ${path}`, {
      field: 'folder',
      value: path,
      rule: 'run it where Rondo was started, or name the folder with --folder',
    });
  const { TokenFile: File } = await import('@rondo/security');
  return new File(path, clock);
}

const instant = (ms: number): string => new Date(ms).toISOString();

const tokenShape: Shape<TokenEntry> = {
  kind: 'token',
  json: ({ createdAtMs, expiresAtMs, ...entry }) => ({
    ...entry,
    createdAt: instant(createdAtMs),
    ...(expiresAtMs !== undefined && { expiresAt: instant(expiresAtMs) }),
  }),
  name: ({ id }) => id,
  columns: [
    { head: 'TOKEN', text: ({ id }) => id },
    { head: 'PRINCIPAL', text: ({ principal }) => principal },
    { head: 'ROLES', text: ({ roles }) => roles.join(', ') },
    { head: 'CREATED', text: ({ createdAtMs }) => instant(createdAtMs) },
    { head: 'EXPIRES', text: ({ expiresAtMs }) => (expiresAtMs === undefined ? 'never' : instant(expiresAtMs)) },
  ],
};
