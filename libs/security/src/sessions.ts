import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '@rondo/kernel';
import type { Principal } from './ports.js';
import { hashSecret, newSecret } from './token-file.js';

export interface SessionOptions {
  /** Life of a console session, in ms. Default 12 h. */
  readonly sessionMs?: number;
  /** Life of a one-time sign-in token, in ms. Default 10 min. */
  readonly signInMs?: number;
  /**
   * Signs the sessions; processes with the same key know each other's. A random one when left out: then a restart signs everybody
   * out, and no other process knows the sessions.
   */
  readonly key?: string;
  /** Told of each session that is ended before its time, so that other processes can be told. */
  readonly onEnded?: (ended: EndedSession) => void;
}

/** A session that somebody signed out of. */
export interface EndedSession {
  readonly id: string;
  /** When it would have ended by itself. */
  readonly expiresAtMs: number;
}

interface Held {
  readonly principal: Principal;
  readonly expiresAtMs: number;
}

interface Session extends Held {
  readonly id: string;
}

const SIGN_INS_MAX = 1000;
const ENDED_MAX = 100_000;

/**
 * Console sessions and the one-time tokens that open them. A session is a signed statement of who it belongs to and until when, so
 * that nothing is kept for it but those that were signed out of. One-time tokens are kept in memory, as hashes, at most 1000; the
 * oldest give way.
 */
export class Sessions {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #sessionMs: number;
  readonly #signInMs: number;
  readonly #key: string | Buffer;
  readonly #onEnded: (ended: EndedSession) => void;
  readonly #signIns = new Map<string, Held>();
  readonly #ended = new Map<string, number>();

  constructor(clock: Pick<Clock, 'now'>, options: SessionOptions = {}) {
    this.#clock = clock;
    this.#sessionMs = options.sessionMs ?? 12 * 3_600_000;
    this.#signInMs = options.signInMs ?? 600_000;
    this.#key = options.key ?? randomBytes(32);
    this.#onEnded = options.onEnded ?? (() => undefined);
  }

  /** Seconds a session lasts, for the cookie. */
  get sessionSeconds(): number {
    return Math.floor(this.#sessionMs / 1000);
  }

  /** A token that opens one session, once. Put it in the address printed at start: `/auth/signin?token=…`. */
  createSignIn(principal: Principal): string {
    const now = this.#clock.now();
    for (const [key, held] of this.#signIns)
      if (held.expiresAtMs <= now || this.#signIns.size >= SIGN_INS_MAX) this.#signIns.delete(key);
    const secret = newSecret();
    this.#signIns.set(keyOf(secret), { principal, expiresAtMs: now + this.#signInMs });
    return secret;
  }

  /** Trades a sign-in token for a session; undefined when it is unknown, used or too old. */
  exchange(signInToken: string): string | undefined {
    const key = keyOf(signInToken);
    const held = this.#signIns.get(key);
    this.#signIns.delete(key);
    return held && held.expiresAtMs > this.#clock.now() ? this.open(held.principal) : undefined;
  }

  /** Opens a session for somebody already recognised; returns its secret for the cookie. */
  open({ id, roles }: Principal): string {
    const session: Session = {
      id: randomBytes(12).toString('base64url'),
      principal: { id, roles: [...roles] },
      expiresAtMs: this.#clock.now() + this.#sessionMs,
    };
    const statement = Buffer.from(JSON.stringify(session)).toString('base64url');
    return `${statement}.${this.#sign(statement).toString('base64url')}`;
  }

  /** Who the session belongs to, while it lasts. */
  find(secret: string): Principal | undefined {
    return this.#read(secret)?.principal;
  }

  /** Ends a session; unknown ones are ignored. */
  end(secret: string): void {
    const session = this.#read(secret);
    if (!session) return;
    const ended = { id: session.id, expiresAtMs: session.expiresAtMs };
    this.noteEnded(ended);
    this.#onEnded(ended);
  }

  /** Takes note of a session that was ended in another process. */
  noteEnded({ id, expiresAtMs }: EndedSession): void {
    const now = this.#clock.now();
    if (this.#ended.size >= ENDED_MAX)
      for (const [known, untilMs] of this.#ended) if (untilMs <= now) this.#ended.delete(known);
    this.#ended.set(id, expiresAtMs);
  }

  #read(secret: string): Session | undefined {
    const [statement = '', signature = ''] = secret.split('.');
    const given = Buffer.from(signature, 'base64url');
    const right = this.#sign(statement);
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
    // Signed here or by a process with the same key, so it has this shape.
    const session = JSON.parse(Buffer.from(statement, 'base64url').toString()) as Session;
    return session.expiresAtMs > this.#clock.now() && !this.#ended.has(session.id) ? session : undefined;
  }

  #sign(statement: string): Buffer {
    return createHmac('sha256', this.#key).update(`rondo session ${statement}`).digest();
  }
}

/** Looking up by hash keeps the time of a miss independent of the secrets held. */
const keyOf = (secret: string): string => hashSecret(secret).toString('base64');
