import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PermanentError, randomIds, type Clock } from '@rondo/kernel';
import { z } from 'zod';
import { ROLES } from './authorize.js';
import type { Principal, RoleName } from './ports.js';

/** Why a caller was not recognised. */
export type TokenRefusal = 'TOKEN_MISSING' | 'TOKEN_MALFORMED' | 'TOKEN_UNKNOWN' | 'TOKEN_EXPIRED';

/** Outcome of looking at an `Authorization` header. */
export type Authentication =
  | { readonly ok: true; readonly principal: Principal; readonly tokenId: string }
  | { readonly ok: false; readonly reason: TokenRefusal };

/** A token as lists show it; the secret itself is never stored. */
export interface TokenEntry {
  readonly id: string;
  readonly principal: string;
  readonly roles: readonly RoleName[];
  readonly createdAtMs: number;
  readonly expiresAtMs?: number;
}

export interface NewToken {
  /** For example `alice` or `service:replayer`; 1 to 200 characters. */
  readonly principal: string;
  readonly roles: readonly RoleName[];
  readonly expiresAtMs?: number;
}

const PREFIX = 'rondo_';
const TOKEN = /^rondo_[A-Za-z0-9_-]{43}$/;
const TOKENS_MAX = 10_000;
const FILE_BYTES_MAX = 8 * 1024 * 1024;
/** How often a change made by another process (a revoked token) is looked for. */
const RELOAD_MS = 1000;

const entrySchema = z.strictObject({
  id: z.string(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  principal: z
    .string()
    .min(1)
    .max(200)
    .regex(/^[^\u0000-\u001f\u007f]+$/),
  roles: z.array(z.enum(ROLES as [RoleName, ...RoleName[]])).min(1),
  createdAtMs: z.number(),
  expiresAtMs: z.number().optional(),
});
const fileSchema = z.strictObject({ version: z.literal(1), tokens: z.array(entrySchema).max(TOKENS_MAX) });
type StoredToken = z.infer<typeof entrySchema>;

/** Hash under which a random secret is stored. A secret of 256 random bits needs neither salt nor stretching. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** A fresh secret of 256 random bits, in the alphabet of URLs. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/**
 * Access tokens in `<folder>/tokens.json` (mode 0600, folder 0700), stored as SHA-256 only.
 * Refuses a file that others may read. Changes by another process are seen within a second.
 */
export class TokenFile {
  readonly #path: string;
  readonly #folder: string;
  readonly #clock: Pick<Clock, 'now'>;
  #tokens: readonly (StoredToken & { readonly digest: Buffer })[] = [];
  #stamp = '';
  #lookedAtMs = -Infinity;

  /** Opens the file, creating the folder. @throws `failed-precondition` for a file that others may read or that is damaged */
  constructor(folder: string, clock: Pick<Clock, 'now'>) {
    this.#folder = folder;
    this.#path = join(folder, 'tokens.json');
    this.#clock = clock;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#reload(true);
  }

  /** Creates a token and returns it; it is never shown again. @throws `invalid` for an empty or odd principal or no role */
  create(request: NewToken): { readonly id: string; readonly token: string } {
    const token = PREFIX + newSecret();
    const entry = entrySchema.safeParse({
      id: randomIds.next(),
      hash: hashSecret(token).toString('hex'),
      principal: request.principal,
      roles: [...request.roles],
      createdAtMs: this.#clock.now(),
      ...(request.expiresAtMs !== undefined && { expiresAtMs: request.expiresAtMs }),
    });
    if (!entry.success) {
      const field = String(entry.error.issues[0]?.path[0] ?? 'token');
      const rule = field === 'roles' ? `at least one of ${ROLES.join(', ')}` : '1 to 200 printable characters';
      throw new PermanentError('invalid', `a token needs a valid ${field}: ${rule}`, {
        field,
        value: request[field as keyof NewToken],
        rule,
      });
    }
    this.#reload(true);
    const kept = this.#tokens.filter((known) => !this.#isExpired(known));
    if (kept.length >= TOKENS_MAX)
      throw new PermanentError('exhausted', `there are already ${TOKENS_MAX} tokens; revoke some`, { field: 'tokens' });
    this.#save([...kept, entry.data]);
    return { id: entry.data.id, token };
  }

  /** Takes a token away; it is refused from the next call on. @throws `not-found` */
  revoke(id: string): void {
    this.#reload(true);
    const rest = this.#tokens.filter((token) => token.id !== id);
    if (rest.length === this.#tokens.length)
      throw new PermanentError('not-found', `no token has the id ${id}`, { field: 'id', value: id });
    this.#save(rest);
  }

  /** Every token, without its secret. */
  list(): readonly TokenEntry[] {
    this.#reload(true);
    return this.#tokens.map(({ hash: _hash, digest: _digest, expiresAtMs, ...entry }) => ({
      ...entry,
      ...(expiresAtMs !== undefined && { expiresAtMs }),
    }));
  }

  /** Looks at an `Authorization: Bearer …` header. Time does not depend on which token, if any, matches. */
  authenticate(header: string | undefined): Authentication {
    if (header === undefined || header === '') return { ok: false, reason: 'TOKEN_MISSING' };
    const token = /^Bearer ([^\s]+)$/i.exec(header)?.[1];
    if (token === undefined || !TOKEN.test(token)) return { ok: false, reason: 'TOKEN_MALFORMED' };
    this.#reload(false);
    const presented = hashSecret(token);
    let match: StoredToken | undefined;
    for (const known of this.#tokens) if (timingSafeEqual(known.digest, presented)) match = known;
    if (!match) return { ok: false, reason: 'TOKEN_UNKNOWN' };
    if (this.#isExpired(match)) return { ok: false, reason: 'TOKEN_EXPIRED' };
    return { ok: true, tokenId: match.id, principal: { id: match.principal, roles: match.roles } };
  }

  /**
   * A token for the people of this machine, kept in `<folder>/token` (mode 0600) where the command line finds it.
   * Creates it when it is absent or no longer valid; otherwise returns the one there.
   */
  ensureLocal(request: NewToken): string {
    const path = join(this.#folder, 'token');
    if (existsSync(path)) {
      const token = readFileSync(path, 'utf8').trim();
      if (this.authenticate(`Bearer ${token}`).ok) return token;
    }
    const { token } = this.create(request);
    writePrivate(path, `${token}\n`);
    return token;
  }

  #isExpired(token: Pick<StoredToken, 'expiresAtMs'>): boolean {
    return token.expiresAtMs !== undefined && token.expiresAtMs <= this.#clock.now();
  }

  #save(tokens: readonly StoredToken[]): void {
    const plain = tokens.map((token) =>
      entrySchema.parse(Object.fromEntries(Object.entries(token).filter(([key]) => key !== 'digest'))),
    );
    writePrivate(this.#path, `${JSON.stringify({ version: 1, tokens: plain }, null, 2)}\n`);
    this.#reload(true);
  }

  #reload(now: boolean): void {
    const at = this.#clock.now();
    if (!now && at - this.#lookedAtMs < RELOAD_MS) return;
    this.#lookedAtMs = at;
    const status = statSync(this.#path, { throwIfNoEntry: false });
    if (!status) {
      this.#tokens = [];
      this.#stamp = '';
      return;
    }
    const stamp = `${status.ino}:${status.mtimeMs}:${status.size}`;
    if (stamp === this.#stamp) return;
    if (process.platform !== 'win32' && (status.mode & 0o077) !== 0) {
      throw new PermanentError('failed-precondition', `${this.#path} can be read by others; run chmod 600 on it`, {
        field: 'mode',
        value: (status.mode & 0o777).toString(8),
        rule: '600',
      });
    }
    this.#tokens = readTokens(this.#path, status.size);
    this.#stamp = stamp;
  }
}

function readTokens(path: string, size: number): readonly (StoredToken & { readonly digest: Buffer })[] {
  try {
    if (size > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`);
    const file = fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    return file.tokens.map((token) => ({ ...token, digest: Buffer.from(token.hash, 'hex') }));
  } catch (cause) {
    throw new PermanentError('failed-precondition', `${path} is not a token file`, {
      field: 'tokens.json',
      rule: 'version 1',
      cause,
    });
  }
}

/** Replaces a file as a whole; nobody else ever sees it half written or readable. */
export function writePrivate(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
  chmodSync(draft, 0o600);
  renameSync(draft, path);
}
