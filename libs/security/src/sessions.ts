import type { Clock } from '@rondo/kernel';
import type { Principal } from './ports.js';
import { hashSecret, newSecret } from './token-file.js';

export interface SessionOptions {
  /** Life of a console session, in ms. Default 12 h. */
  readonly sessionMs?: number;
  /** Life of a one-time sign-in token, in ms. Default 10 min. */
  readonly signInMs?: number;
}

interface Held {
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

const HELD_MAX = 1000;

/**
 * Console sessions and the one-time tokens that open them. Kept in memory, as hashes: a restart signs everybody out.
 * At most 1000 of each; the oldest give way.
 */
export class Sessions {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #sessionMs: number;
  readonly #signInMs: number;
  readonly #sessions = new Map<string, Held>();
  readonly #signIns = new Map<string, Held>();

  constructor(clock: Pick<Clock, 'now'>, options: SessionOptions = {}) {
    this.#clock = clock;
    this.#sessionMs = options.sessionMs ?? 12 * 3_600_000;
    this.#signInMs = options.signInMs ?? 600_000;
  }

  /** Seconds a session lasts, for the cookie. */
  get sessionSeconds(): number {
    return Math.floor(this.#sessionMs / 1000);
  }

  /** A token that opens one session, once. Put it in the address printed at start: `/auth/signin?token=…`. */
  createSignIn(principal: Principal): string {
    return this.#hold(this.#signIns, principal, this.#signInMs);
  }

  /** Trades a sign-in token for a session; undefined when it is unknown, used or too old. */
  exchange(signInToken: string): string | undefined {
    const key = keyOf(signInToken);
    const held = this.#signIns.get(key);
    this.#signIns.delete(key);
    return held && held.expiresAtMs > this.#clock.now() ? this.open(held.principal) : undefined;
  }

  /** Opens a session for somebody already recognised; returns its secret for the cookie. */
  open(principal: Principal): string {
    return this.#hold(this.#sessions, principal, this.#sessionMs);
  }

  /** Who the session belongs to, while it lasts. */
  find(secret: string): Principal | undefined {
    const held = this.#sessions.get(keyOf(secret));
    return held && held.expiresAtMs > this.#clock.now() ? held.principal : undefined;
  }

  /** Ends a session; unknown ones are ignored. */
  end(secret: string): void {
    this.#sessions.delete(keyOf(secret));
  }

  #hold(into: Map<string, Held>, principal: Principal, lifeMs: number): string {
    const now = this.#clock.now();
    for (const [key, held] of into) if (held.expiresAtMs <= now || into.size >= HELD_MAX) into.delete(key);
    const secret = newSecret();
    into.set(keyOf(secret), { principal, expiresAtMs: now + lifeMs });
    return secret;
  }
}

/** Looking up by hash keeps the time of a miss independent of the secrets held. */
const keyOf = (secret: string): string => hashSecret(secret).toString('base64');
