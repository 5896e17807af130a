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
type KnownToken = StoredToken & { readonly digest: Buffer };

/** Hash under which a random secret is stored. A secret of 256 random bits needs neither salt nor stretching. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** A fresh secret of 256 random bits, in the alphabet of URLs. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/**
 * Access tokens of a file that this process only reads, the same for every process of an installation; a mounted secret, for example.
 * A token made there is known at once, one taken away is refused within a second.
 */
export class TokenReader {
  readonly #path: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #forbiddenMode: number;
  #tokens: readonly KnownToken[] = [];
  #stamp = '';
  #lookedAtMs = -Infinity;

  /**
   * @param options.forbiddenMode permission bits the file must not have; by default no other user may read or change it, and the
   *   group may not change it
   * @param options.mayBeAbsent an absent file holds no tokens
   * @throws `failed-precondition` for a file that is absent, that others may read, or that is damaged
   */
  constructor(
    path: string,
    clock: Pick<Clock, 'now'>,
    options: { readonly forbiddenMode?: number; readonly mayBeAbsent?: boolean } = {},
  ) {
    this.#path = path;
    this.#clock = clock;
    this.#forbiddenMode = options.forbiddenMode ?? 0o027;
    this.reload();
    if (this.#stamp === '' && !options.mayBeAbsent) {
      throw new PermanentError(
        'failed-precondition',
        `there is no token file ${path}; write one with rondo token create`,
        {
          field: 'tokensFile',
          value: path,
          rule: 'an existing file',
        },
      );
    }
  }

  /** The tokens as they are now. */
  current(): readonly KnownToken[] {
    this.reload();
    return this.#tokens;
  }

  /** Looks at an `Authorization: Bearer …` header. Time does not depend on which token, if any, matches. */
  authenticate(header: string | undefined): Authentication {
    if (header === undefined || header === '') return { ok: false, reason: 'TOKEN_MISSING' };
    const token = /^Bearer ([^\s]+)$/i.exec(header)?.[1];
    if (token === undefined || !TOKEN.test(token)) return { ok: false, reason: 'TOKEN_MALFORMED' };
    if (this.#clock.now() - this.#lookedAtMs >= RELOAD_MS) this.reload();
    const presented = hashSecret(token);
    let match = this.#known(presented);
    if (!match) {
      // It may have been made a moment ago.
      this.reload();
      match = this.#known(presented);
    }
    if (!match) return { ok: false, reason: 'TOKEN_UNKNOWN' };
    if (isExpired(match, this.#clock.now())) return { ok: false, reason: 'TOKEN_EXPIRED' };
    return { ok: true, tokenId: match.id, principal: { id: match.principal, roles: match.roles } };
  }

  #known(digest: Buffer): StoredToken | undefined {
    let match: StoredToken | undefined;
    for (const known of this.#tokens) if (timingSafeEqual(known.digest, digest)) match = known;
    return match;
  }

  /** Reads the file again if it changed. */
  reload(): void {
    this.#lookedAtMs = this.#clock.now();
    const status = statSync(this.#path, { throwIfNoEntry: false });
    if (!status) {
      this.#tokens = [];
      this.#stamp = '';
      return;
    }
    const stamp = `${status.ino}:${status.mtimeMs}:${status.size}`;
    if (stamp === this.#stamp) return;
    if (process.platform !== 'win32' && (status.mode & this.#forbiddenMode) !== 0) {
      const rule = (0o777 & ~this.#forbiddenMode).toString(8);
      throw new PermanentError('failed-precondition', `${this.#path} can be read by others; run chmod 600 on it`, {
        field: 'mode',
        value: (status.mode & 0o777).toString(8),
        rule: rule === '700' ? '600' : '640',
      });
    }
    this.#tokens = readTokens(this.#path, status.size);
    this.#stamp = stamp;
  }
}

/**
 * Access tokens in `<folder>/tokens.json` (mode 0600, folder 0700), stored as SHA-256 only.
 * Refuses a file that others may read. A token made by another process is known at once, one taken away is refused within a second.
 */
export class TokenFile {
  readonly #path: string;
  readonly #folder: string;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #reader: TokenReader;

  /** Opens the file, creating the folder. @throws `failed-precondition` for a file that others may read or that is damaged */
  constructor(folder: string, clock: Pick<Clock, 'now'>) {
    this.#folder = folder;
    this.#path = join(folder, 'tokens.json');
    this.#clock = clock;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#reader = new TokenReader(this.#path, clock, { forbiddenMode: 0o077, mayBeAbsent: true });
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
    const now = this.#clock.now();
    const kept = this.#reader.current().filter((known) => !isExpired(known, now));
    if (kept.length >= TOKENS_MAX)
      throw new PermanentError('exhausted', `there are already ${TOKENS_MAX} tokens; revoke some`, { field: 'tokens' });
    this.#save([...kept, entry.data]);
    return { id: entry.data.id, token };
  }

  /** Takes a token away; it is refused from the next call on. @throws `not-found` */
  revoke(id: string): void {
    const known = this.#reader.current();
    const rest = known.filter((token) => token.id !== id);
    if (rest.length === known.length)
      throw new PermanentError('not-found', `no token has the id ${id}`, { field: 'id', value: id });
    this.#save(rest);
  }

  /** Every token, without its secret. */
  list(): readonly TokenEntry[] {
    return this.#reader.current().map(({ hash: _hash, digest: _digest, expiresAtMs, ...entry }) => ({
      ...entry,
      ...(expiresAtMs !== undefined && { expiresAtMs }),
    }));
  }

  /** Looks at an `Authorization: Bearer …` header. Time does not depend on which token, if any, matches. */
  authenticate(header: string | undefined): Authentication {
    return this.#reader.authenticate(header);
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

  #save(tokens: readonly StoredToken[]): void {
    const plain = tokens.map((token) =>
      entrySchema.parse(Object.fromEntries(Object.entries(token).filter(([key]) => key !== 'digest'))),
    );
    writePrivate(this.#path, `${JSON.stringify({ version: 1, tokens: plain }, null, 2)}\n`);
    this.#reader.reload();
  }
}

function isExpired(token: Pick<StoredToken, 'expiresAtMs'>, nowMs: number): boolean {
  return token.expiresAtMs !== undefined && token.expiresAtMs <= nowMs;
}

function readTokens(path: string, size: number): readonly KnownToken[] {
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
