import { create, isMessage, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { shapeViolations } from '@rondo/contracts';
import { PermanentError, TransientError } from '@rondo/kernel';
import { authorize, type Authenticator, type Credentials, type Principal } from '@rondo/security';
import type { Logger, Telemetry } from '@rondo/telemetry';
import type { CallOrigin, RpcRoute } from './routes.js';
import { CallerGone, failureOf, type RpcFailure } from './wire-error.js';

/** A call as it arrives, whatever the protocol. */
export interface IncomingCall {
  readonly route: RpcRoute;
  readonly credentials: Credentials;
  readonly traceparent: string | undefined;
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal;
  readonly system: 'grpc' | 'connect_rpc';
  /** What is left of the caller's deadline, when there is one. */
  readonly timeoutMs?: number | undefined;
}

export interface CallChainOptions {
  readonly authenticator: Pick<Authenticator, 'authenticate' | 'denied'>;
  readonly telemetry: Telemetry;
  readonly log: Logger;
  /** Longest time a unary call may take, in ms. Default 30 s. */
  readonly unaryMs?: number;
  /** Greatest age of a stream, in ms; the client opens another. Default 30 min. */
  readonly streamMs?: number;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What every call goes through, in this order: who, may they, is the message well formed, then the method; errors and metrics. */
export class CallChain {
  readonly #options: CallChainOptions;
  readonly #requests: ReturnType<Telemetry['counter']>;
  readonly #seconds: ReturnType<Telemetry['histogram']>;
  readonly #denials: ReturnType<Telemetry['counter']>;

  constructor(options: CallChainOptions) {
    this.#options = options;
    const { telemetry } = options;
    this.#requests = telemetry.counter('rondo_command_requests_total', 'RPCs answered, by code.', ['method', 'code']);
    this.#seconds = telemetry.histogram(
      'rondo_command_duration_seconds',
      'Time to answer an RPC.',
      ['method'],
      SECONDS,
    );
    this.#denials = telemetry.counter('rondo_access_denied_total', 'Calls refused for want of a token or a role.', [
      'reason',
    ]);
  }

  /** Recognises the caller and checks the role, before the message is read. @throws RpcFailure */
  admit(call: Pick<IncomingCall, 'route' | 'credentials'>): Principal {
    const { authenticator } = this.#options;
    const { route } = call;
    try {
      const principal = authenticator.authenticate(call.credentials, route.name);
      try {
        authorize(principal, route.requires, route.name);
      } catch (error) {
        authenticator.denied(principal, route.name, 'ROLE_REQUIRED');
        throw error;
      }
      return principal;
    } catch (error) {
      const failure = failureOf(error);
      this.#denials.add(1, { reason: failure.detail.reason ?? failure.code });
      this.#requests.add(1, { method: route.name, code: failure.code });
      throw failure;
    }
  }

  /** Carries out a unary call. @throws RpcFailure */
  async unary(call: IncomingCall, principal: Principal, decode: () => Message): Promise<Message> {
    const { route } = call;
    const startMs = performance.now();
    const outcome = await this.#options.telemetry.span(route.name, spanOptions(call, principal), async (span) => {
      try {
        const request = this.#checked(route, decode);
        const limitMs = Math.max(0, Math.min(this.#options.unaryMs ?? 30_000, call.timeoutMs ?? Infinity));
        const origin = originOf(call, limitMs);
        const response = await this.#within(call, limitMs, (signal) =>
          Promise.resolve(route.call(request as never, { principal, traceparent: span.traceparent, signal, origin })),
        );
        return { response: asMessage(route, response) };
      } catch (error) {
        const failure = this.#failed(route, error, span.traceId);
        span.set({ 'rondo.code': failure.code });
        if (failure.isFault) throw failure;
        return { failure };
      } finally {
        this.#seconds.observe((performance.now() - startMs) / 1000, { method: route.name });
      }
    });
    if ('failure' in outcome) throw outcome.failure;
    this.#requests.add(1, { method: route.name, code: 'ok' });
    return outcome.response;
  }

  /** Carries out a server-streaming call. The span is written when the stream ends. @throws RpcFailure */
  async *stream(call: IncomingCall, principal: Principal, decode: () => Message): AsyncGenerator<Message> {
    const { route } = call;
    const startMs = Date.now();
    let failure: RpcFailure | undefined;
    let isDone = false;
    const ends = new AbortController();
    const timer = setTimeout(
      () => ends.abort(new TransientError('the stream reached its greatest age; open it again')),
      this.#options.streamMs ?? 1_800_000,
    );
    timer.unref();
    const signal = AbortSignal.any([call.signal, ends.signal]);
    try {
      const request = this.#checked(route, decode);
      const origin = originOf(call);
      const context = {
        principal,
        signal,
        origin,
        ...(call.traceparent !== undefined && { traceparent: call.traceparent }),
      };
      const items = (route.call(request as never, context) as AsyncIterable<unknown>)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const step = await unlessAborted(signal, items.next());
          if (step.done) break;
          yield asMessage(route, step.value);
        }
        isDone = true;
      } finally {
        // Not awaited: a generator that waits for something would hold the answer back; the signal tells it to stop.
        if (!isDone) items.return?.().catch(() => undefined);
      }
    } catch (error) {
      failure = this.#failed(route, error);
      throw failure;
    } finally {
      clearTimeout(timer);
      ends.abort(new CallerGone());
      if (isDone) this.#requests.add(1, { method: route.name, code: 'ok' });
      else if (!failure) this.#requests.add(1, { method: route.name, code: 'canceled' });
      this.#options.telemetry.record(route.name, {
        ...spanOptions(call, principal),
        startMs,
        endMs: Date.now(),
        error: failure?.isFault ?? false,
      });
    }
  }

  #checked(route: RpcRoute, decode: () => Message): Message {
    const request = decode();
    const [first, ...more] = shapeViolations(route.method.input, request);
    if (!first) return request;
    const others = more.slice(0, 9).map((violation) => `; ${violation.field}: ${violation.message}`);
    const left = more.length > 9 ? `; and ${more.length - 9} more` : '';
    throw new PermanentError('invalid', `${first.field}: ${first.message}${others.join('')}${left}`, {
      field: first.field,
      value: first.value,
      rule: first.rule,
      reason: 'SHAPE_INVALID',
    });
  }

  async #within<T>(call: IncomingCall, limitMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort(
        new PermanentError(
          'deadline-exceeded',
          `no answer within ${Math.round(limitMs)} ms; it may still take effect`,
          { field: 'deadline' },
        ),
      );
    }, limitMs);
    const signal = AbortSignal.any([call.signal, deadline.signal]);
    try {
      return await unlessAborted(signal, work(signal));
    } finally {
      clearTimeout(timer);
    }
  }

  #failed(route: RpcRoute, error: unknown, traceId?: string): RpcFailure {
    const failure = failureOf(error, traceId);
    this.#requests.add(1, { method: route.name, code: failure.code });
    if (failure.isFault) this.#options.log.error(`${route.name} failed`, { 'rondo.code': failure.code }, error);
    else this.#options.log.debug(`${route.name} refused: ${failure.message}`, { 'rondo.code': failure.code });
    return failure;
  }
}

function originOf({ credentials }: IncomingCall, timeoutMs?: number): CallOrigin {
  const { authorization, cookie } = credentials;
  return { authorization, cookie, ...(timeoutMs !== undefined && { timeoutMs }) };
}

function spanOptions(call: IncomingCall, principal: Principal) {
  const { route } = call;
  return {
    kind: 'server' as const,
    ...(call.traceparent === undefined ? { root: true } : { parent: call.traceparent }),
    attributes: {
      'rpc.system': call.system,
      'rpc.service': route.method.parent.typeName,
      'rpc.method': route.method.name,
      'rondo.principal': principal.id,
    },
  };
}

function asMessage(route: RpcRoute, value: unknown): Message {
  const { output } = route.method;
  return isMessage(value, output) ? value : create(output, value as never);
}

/** The work, or the reason of the signal once it is aborted. Leaves no listener behind: signals may outlive the call. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(reasonOf(signal));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function reasonOf(signal: AbortSignal): unknown {
  const reason: unknown = signal.reason;
  if (reason instanceof PermanentError || reason instanceof TransientError) return reason;
  if (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded) {
    return new PermanentError('deadline-exceeded', 'no answer within the deadline; it may still take effect', {
      field: 'deadline',
    });
  }
  return new CallerGone('the caller went away', { cause: reason });
}
