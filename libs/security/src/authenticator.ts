import { PermanentError, type Clock } from '@rondo/kernel';
import type { Principal } from './ports.js';
import { FailureLimiter } from './failure-limiter.js';
import type { Sessions } from './sessions.js';
import type { Authentication } from './token-file.js';

/** What a request brings to show who is calling. */
export interface Credentials {
  readonly authorization?: string | undefined;
  readonly cookie?: string | undefined;
  /** For the limit on failures. */
  readonly remoteAddress: string;
}

/** Somebody was refused: goes to the audit as AccessDenied. */
export interface Denial {
  /** `Service/Method` or HTTP method and path. */
  readonly method: string;
  /** Empty when nobody was recognised. */
  readonly principal: string;
  /** For example `TOKEN_UNKNOWN` or `ROLE_REQUIRED`. */
  readonly reason: string;
  readonly atMs: number;
}

export interface AuthenticatorOptions {
  readonly tokens: { authenticate(header: string | undefined): Authentication };
  readonly sessions?: Sessions;
  readonly clock: Pick<Clock, 'now'>;
  /** Told of each refusal; refusals beyond the failure limit of an address are not repeated. */
  readonly onDenied?: (denial: Denial) => void;
  readonly limiter?: FailureLimiter;
}

/** Name of the console's cookie. */
export const SESSION_COOKIE = 'rondo_session';

const HELP: Readonly<Record<string, string>> = {
  TOKEN_MISSING: 'no token was sent; send the header Authorization: Bearer <token>',
  TOKEN_MALFORMED: 'the Authorization header is not a Rondo token (Bearer rondo_…)',
  TOKEN_UNKNOWN: 'the token is not known here',
  TOKEN_EXPIRED: 'the token has expired',
  SESSION_UNKNOWN: 'the session has ended; sign in again',
};

/** Recognises callers by token or by console session. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #limiter: FailureLimiter;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#limiter = options.limiter ?? new FailureLimiter(options.clock);
  }

  /**
   * @param method what is being called, for the audit
   * @throws `unauthenticated` with the reason, or `exhausted` after too many failures from one address. A valid token is always
   *   accepted: 256 random bits cannot be guessed, so locking an address out would only help those who share it with an attacker.
   */
  authenticate(credentials: Credentials, method: string): Principal {
    const session = sessionOf(credentials.cookie);
    if (credentials.authorization === undefined && session !== undefined) {
      const principal = this.#options.sessions?.find(session);
      return principal ?? this.#refuse('SESSION_UNKNOWN', credentials, method);
    }
    const result = this.#options.tokens.authenticate(credentials.authorization);
    return result.ok ? result.principal : this.#refuse(result.reason, credentials, method);
  }

  /** Tells the audit that a recognised caller was refused. */
  denied(principal: Principal, method: string, reason: string): void {
    this.#options.onDenied?.({ method, principal: principal.id, reason, atMs: this.#options.clock.now() });
  }

  #refuse(reason: string, credentials: Credentials, method: string): never {
    if (!this.#limiter.note(credentials.remoteAddress)) {
      const seconds = Math.ceil(this.#limiter.waitMs(credentials.remoteAddress) / 1000);
      throw new PermanentError('exhausted', `too many failed sign-ins from here; wait ${seconds} s`, {
        field: 'authorization',
        rule: 'failed sign-ins per minute',
        reason: 'TOO_MANY_FAILURES',
      });
    }
    this.#options.onDenied?.({ method, principal: '', reason, atMs: this.#options.clock.now() });
    throw new PermanentError('unauthenticated', HELP[reason] ?? reason, {
      field: 'authorization',
      rule: 'a valid token or session',
      reason,
    });
  }
}

/** The session secret inside a Cookie header. */
export function sessionOf(cookie: string | undefined): string | undefined {
  return new RegExp(`(?:^|;\\s*)${SESSION_COOKIE}=([A-Za-z0-9_-]{1,4000}\\.[A-Za-z0-9_-]{43})(?:;|$)`).exec(
    cookie ?? '',
  )?.[1];
}
