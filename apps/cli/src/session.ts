import type { DescService } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import { parseDurationMs, parseInstantMs, PermanentError } from '@rondo/kernel';
import type { GrpcConnection } from '@rondo/rpc';
import { renderList, renderOne, type Format, type Shape } from './output.js';
import { readSettings, type Settings } from './settings.js';
import type { Surroundings } from './surroundings.js';

/** Flags that every command takes. */
export interface GlobalFlags {
  readonly server?: string;
  readonly output: Format;
  readonly timeout: string;
}

/** One run of the command line: settings, connection, output. */
export class Session {
  #connection: GrpcConnection | undefined;
  #settings: Settings | undefined;

  constructor(
    readonly around: Surroundings,
    readonly flags: GlobalFlags,
  ) {}

  get settings(): Settings {
    return (this.#settings ??= readSettings(this.flags, this.around));
  }

  /** Longest time one call or one wait may take, in ms. */
  get timeoutMs(): number {
    return parseDurationMs(this.flags.timeout, 'timeout');
  }

  /** A client of one service; the connection is opened by its first call and closed by {@link close}. */
  async client<S extends DescService>(service: S): Promise<Client<S>> {
    if (!this.#connection) {
      // Loaded when it is needed: help, validation and configuration answer without it.
      const { grpcConnection } = await import('@rondo/rpc');
      const { server, token } = this.settings;
      this.#connection = grpcConnection({
        address: server,
        timeoutMs: Math.min(this.timeoutMs, 30_000),
        ...(token !== undefined && { token }),
      });
    }
    return this.#connection.client(service);
  }

  close(): void {
    this.#connection?.close();
  }

  /** A fresh request id: a change that is sent twice takes effect once. */
  requestId(): string {
    return this.around.ids.next();
  }

  /** @param filter what was asked for, such as ` of churn`, for when there is nothing */
  list<M>(shape: Shape<M>, items: readonly M[], filter = ''): void {
    this.around.out(renderList(shape, items, this.flags.output, this.around.isTerminal));
    if (items.length === 0 && this.flags.output === 'table')
      this.note(`no ${shape.called ?? shape.kind}${filter || ' yet'}`);
  }

  one<M>(shape: Shape<M>, item: M): void {
    this.around.out(renderOne(shape, item, this.flags.output, this.around.isTerminal));
  }

  /** A thing after a change: in full for machines, one sentence and the next command for people. */
  changed<M>(shape: Shape<M>, item: M, sentence: string, next: string): void {
    if (this.flags.output === 'table') {
      this.around.out(`${sentence}\n`);
      this.note(`next: ${next}`);
    } else this.one(shape, item);
  }

  /** A line that is not a result. */
  note(line: string): void {
    this.around.err(`${line}\n`);
  }
}

/** Checks a reason here, so that a change is not sent without one. */
export function reasonOf(text: string): string {
  const reason = text.trim();
  if (reason.length < 5)
    throw new PermanentError('invalid', 'a change needs a reason of five characters or more', {
      field: 'reason',
      value: reason,
      rule: 'at least 5 characters',
    });
  return reason;
}

/** A moment given as a day (its beginning, UTC) or as RFC 3339. @throws `invalid` for anything else, also a day that no month has */
export function momentMs(text: string, field: string): number {
  const at = parseInstantMs(text.includes('T') ? text : `${text}T00:00:00Z`);
  if (Number.isNaN(at))
    throw new PermanentError('invalid', `"${text}" is not a moment`, {
      field,
      value: text,
      rule: 'a day such as 2001-03-05, or RFC 3339 such as 2001-03-05T14:00:00Z',
    });
  return at;
}

/** A moment, or a duration from now (`2d`). */
export const momentFromNowMs = (text: string, nowMs: number, field: string): number =>
  /^\d+[a-z]+$/.test(text) ? nowMs + parseDurationMs(text, field) : momentMs(text, field);
