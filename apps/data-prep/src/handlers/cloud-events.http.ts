import {
  Controller,
  HttpException,
  Inject,
  Post,
  Req,
  Res,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { messageOf, PermanentError, type ErrorCode } from '@rondo/kernel';
import { authorize, type Credentials, type Principal } from '@rondo/security';
import { PLATFORM, type Platform } from '@rondo/service';
import type { Telemetry } from '@rondo/telemetry';
import { AnnounceArrival } from '../use-cases/announce-arrival.js';
import { pointerOf, readCloudEvents, type ReadEvent } from './cloud-events.js';

/** Recognises the caller of the HTTP door. @throws PermanentError `unauthenticated` */
export type Authenticate = (credentials: Credentials, method: string) => Principal;

/** Injection token of {@link Authenticate}. */
export const AUTHENTICATE = Symbol('data-prep.authenticate');

/** Largest body, in bytes. */
const BODY_BYTES_MAX = 256 * 1024;
const METHOD = 'POST /v1/events';
const ANSWER_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface HttpRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body?: unknown;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

interface HttpResponse {
  status(code: number): HttpResponse;
  type(contentType: string): HttpResponse;
  json(body: unknown): unknown;
}

/** CloudEvents in over HTTP: 202 with what became of each event, or a problem (RFC 9457) that points at what is wrong. */
@Controller()
export class CloudEventsHttp {
  readonly #events: ReturnType<Telemetry['counter']>;
  readonly #seconds: ReturnType<Telemetry['histogram']>;

  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AUTHENTICATE) private readonly authenticate: Authenticate,
    @Inject(AnnounceArrival) private readonly announce: AnnounceArrival,
  ) {
    const { telemetry } = platform;
    this.#events = telemetry.counter('rondo_ingest_events_total', 'Announcements received over HTTP.', ['result']);
    this.#seconds = telemetry.histogram(
      'rondo_ingest_request_duration_seconds',
      'Time to answer an announcement.',
      [],
      ANSWER_SECONDS,
    );
  }

  @Post('v1/events')
  async receive(@Req() request: HttpRequest, @Res() response: HttpResponse): Promise<void> {
    const startedAtMs = performance.now();
    try {
      // A browser's cookie is no producer's credential: pages of others could send it.
      const { authorization } = request.headers;
      const remoteAddress = request.socket.remoteAddress ?? '';
      const principal = this.authenticate(
        { authorization: typeof authorization === 'string' ? authorization : undefined, remoteAddress },
        METHOD,
      );
      authorize(principal, 'producer', METHOD);
      refuseLargeBody(request);
      const { batch, events } = readCloudEvents(request.headers, request.body);
      const outcomes: Outcome[] = [];
      for (const event of events) {
        const outcome = await this.#admit(event, principal);
        this.#events.add(1, { result: resultOf(outcome) });
        outcomes.push(outcome);
      }
      const [first] = outcomes;
      if (!batch && first && 'error' in first) throw first.error;
      response.status(202).json(answerOf(outcomes, batch));
    } catch (error) {
      if (!(error instanceof PermanentError)) this.#events.add(1, { result: 'failed' });
      sendProblem(response, error);
    } finally {
      this.#seconds.observe((performance.now() - startedAtMs) / 1000, {});
    }
  }

  async #admit(event: ReadEvent, principal: Principal): Promise<Outcome> {
    if (!event.ok) return event;
    const cause = { consumer: 'http', messageId: this.platform.ids.next(), actor: principal.id };
    const options = {
      kind: 'server' as const,
      attributes: { 'rondo.pipeline.name': event.announcement.pipeline, 'rondo.principal': principal.id },
      ...(event.traceparent === undefined ? { root: true } : { parent: event.traceparent }),
    };
    return this.platform.telemetry.span(METHOD, options, async ({ traceparent }) => {
      try {
        return await this.announce.execute(event.announcement, { ...cause, traceparent });
      } catch (error) {
        if (error instanceof PermanentError) return { error };
        throw error;
      }
    });
  }
}

type Outcome = { readonly batchId: string; readonly duplicate: boolean } | { readonly error: PermanentError };

function resultOf(outcome: Outcome): string {
  if ('error' in outcome) return 'rejected';
  return outcome.duplicate ? 'duplicate' : 'accepted';
}

function answerOf(outcomes: readonly Outcome[], batch: boolean): Record<string, unknown> {
  const taken = outcomes.flatMap((outcome) => ('error' in outcome ? [] : [outcome]));
  const rejected = outcomes.flatMap((outcome, index) => {
    if (!('error' in outcome)) return [];
    const { message, detail } = outcome.error;
    const own = pointerOf(outcome.error);
    const pointer = batch && detail.reason !== 'EVENT_MALFORMED' ? `/${index}${own}` : own;
    return [{ index, pointer, reason: detail.reason, rule: detail.rule, detail: message }];
  });
  return {
    accepted: taken.filter(({ duplicate }) => !duplicate).length,
    duplicate: taken.filter(({ duplicate }) => duplicate).length,
    rejected,
    batches: taken.map(({ batchId }) => batchId),
  };
}

/** The body is parsed by now, so its size is known only by its header; what has none is not worth guessing. */
function refuseLargeBody({ headers }: HttpRequest): void {
  const sizeBytes = Number(headers['content-length'] ?? NaN);
  if (Number.isNaN(sizeBytes)) {
    const rule = 'a Content-Length header';
    throw new PermanentError('invalid', 'the request does not say how long its body is', {
      field: '',
      rule,
      reason: 'LENGTH_REQUIRED',
    });
  }
  if (sizeBytes > BODY_BYTES_MAX) throw tooLarge(sizeBytes);
}

function tooLarge(value: number | string): PermanentError {
  return new PermanentError('exhausted', `the body is larger than ${BODY_BYTES_MAX} bytes`, {
    field: '',
    value,
    rule: `at most ${BODY_BYTES_MAX} bytes`,
    reason: 'BODY_TOO_LARGE',
  });
}

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  invalid: 400,
  unauthenticated: 401,
  denied: 403,
  'not-found': 404,
  conflict: 409,
  'failed-precondition': 409,
  exhausted: 429,
};

const STATUS_OF_REASON: Readonly<Record<string, number>> = {
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_FORMAT: 415,
  LENGTH_REQUIRED: 411,
};

function statusOf(error: PermanentError): number {
  return STATUS_OF_REASON[error.detail.reason ?? ''] ?? STATUS[error.code] ?? 500;
}

function sendProblem(response: HttpResponse, error: unknown): void {
  if (!(error instanceof PermanentError)) {
    // Trying again may help; nothing was lost, because nothing was accepted.
    response.status(503).type('application/problem+json').json({
      type: 'about:blank',
      title: 'unavailable',
      status: 503,
      detail: 'the event could not be taken; send it again',
    });
    return;
  }
  const status = statusOf(error);
  const { rule, reason } = error.detail;
  response
    .status(status)
    .type('application/problem+json')
    .json({
      type: 'about:blank',
      title: reason ?? error.code,
      status,
      detail: error.message,
      pointer: pointerOf(error),
      rule,
      reason,
    });
}

/** Turns what fails before a route is reached (a body that is no JSON, or far too large) into problems. */
export class HttpProblems implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const response = host.switchToHttp().getResponse<HttpResponse>();
    const status = error instanceof HttpException ? error.getStatus() : ((error as { status?: number }).status ?? 500);
    if (status === 413) return sendProblem(response, tooLarge('more than the server reads'));
    if (status === 400) {
      const rule = 'JSON (RFC 8259)';
      return sendProblem(
        response,
        new PermanentError('invalid', `the body cannot be read: ${messageOf(error).slice(0, 200)}`, {
          field: '',
          rule,
          reason: 'EVENT_MALFORMED',
        }),
      );
    }
    if (status >= 500) return sendProblem(response, error);
    response
      .status(status)
      .type('application/problem+json')
      .json({ type: 'about:blank', title: 'refused', status, detail: messageOf(error).slice(0, 200) });
  }
}
