import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PermanentError } from '@rondo/kernel';
import { encodeDetail, ERROR_HEADER, failureOf, httpStatusOf, limitedHttpServer, type CallerLimits } from '@rondo/rpc';
import type { Credentials, Principal } from '@rondo/security';
import type { Logger } from '@rondo/telemetry';
import { inferRequestFromJson } from '../domain/infer-json.js';
import { MODEL_PLATFORM, SERVER, type GatewayApi } from './gateway-api.js';
import { replyJson, variantOf } from './infer-reply.js';
import { readJson } from './request-body.js';

const MODEL_PATH = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer))?$/;
const JSON_TYPE = 'application/json';

/** Paths that are remembered. */
const TARGETS_MAX = 1_000;

/** What a path under `/v2/models` means. */
interface Target {
  readonly endpoint: string;
  readonly version: string | undefined;
  readonly action: 'metadata' | 'ready' | 'infer';
  /** How the call is named in the audit of refusals. */
  readonly caller: string;
}

/** A reply that is ready to be sent. */
interface Reply {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The body is ASCII, which is cheaper to write. */
  readonly ascii?: true;
}

/** Open Inference Protocol v2 over HTTP, with `/v1/labels` and `/v1/feedback`. Bare node:http: no framework on the hot path. */
export class GatewayHttp {
  readonly #server: Server;
  readonly #targets = new Map<string, Target>();

  constructor(
    private readonly api: GatewayApi,
    private readonly log: Logger,
    limits: CallerLimits,
  ) {
    this.#server = limitedHttpServer(limits, (request, response) => {
      void this.#serve(request, response);
    });
  }

  /** Starts to listen; port 0 takes a free one. Resolves to the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  /** Takes no more connections; ends when those open are answered, or after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#server.closeAllConnections(), graceMs);
      this.#server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let reply: Reply;
    try {
      reply = await this.#route(request);
    } catch (error) {
      reply = this.#failure(request, error);
    }
    // What is left of a body that was refused is not read: the connection goes with it.
    if (!request.complete && reply.status >= 400) response.shouldKeepAlive = false;
    const length = reply.ascii ? reply.body.length : Buffer.byteLength(reply.body);
    response.writeHead(reply.status, { 'content-type': JSON_TYPE, 'content-length': length, ...reply.headers });
    response.end(reply.body, reply.ascii ? 'latin1' : 'utf8');
  }

  async #route(request: IncomingMessage): Promise<Reply> {
    const path = pathOf(request);
    const method = request.method ?? 'GET';
    if (path.startsWith('/v2/models/')) return this.#model(request, method, path);
    switch (`${method} ${path}`) {
      case 'GET /v2':
        return ok({ ...SERVER });
      case 'GET /v2/health/live':
        return ok({ live: true });
      case 'GET /v2/health/ready':
        return { ...ok({ ready: this.api.table.ready }), status: this.api.table.ready ? 200 : 503 };
      case 'POST /v1/labels':
        this.api.admitProducer(credentialsOf(request), 'POST /v1/labels');
        return accepted(await this.api.outcomes.labels(await readJson(request)));
      case 'POST /v1/feedback':
        this.api.admitProducer(credentialsOf(request), 'POST /v1/feedback');
        return accepted(await this.api.outcomes.feedback(await readJson(request)));
      default:
        throw new PermanentError('not-found', 'there is nothing here', {
          field: 'path',
          value: path.slice(0, 100),
          rule: 'a path of the Open Inference Protocol v2, /v1/labels or /v1/feedback',
        });
    }
  }

  async #model(request: IncomingMessage, method: string, path: string): Promise<Reply> {
    const { endpoint, version, action, caller } = this.#targetOf(path);
    const wanted = action === 'infer' ? 'POST' : 'GET';
    if (method !== wanted)
      throw new PermanentError('invalid', `${method} is not possible here`, {
        field: 'method',
        value: method,
        rule: wanted,
      });
    const principal = this.api.admitCaller(credentialsOf(request), caller);
    switch (action) {
      case 'infer':
        return this.#infer(request, principal, { endpoint, version });
      case 'ready': {
        const ready = this.api.ready(endpoint, version);
        return { ...ok({ name: endpoint, ready }), status: ready ? 200 : 503 };
      }
      case 'metadata': {
        const { featureNames, ...metadata } = this.api.metadata(endpoint, version);
        return ok({ ...metadata, platform: MODEL_PLATFORM, parameters: { feature_names: featureNames } });
      }
    }
  }

  /** Callers repeat few paths, so what they mean is remembered. */
  #targetOf(path: string): Target {
    const known = this.#targets.get(path);
    if (known) return known;
    const target = targetOf(path);
    if (this.#targets.size < TARGETS_MAX) this.#targets.set(path, target);
    return target;
  }

  async #infer(
    request: IncomingMessage,
    principal: Principal,
    { endpoint, version }: { readonly endpoint: string; readonly version: string | undefined },
  ): Promise<Reply> {
    const server = this.api.table.serving(endpoint);
    const parsed = inferRequestFromJson(await readJson(request), {
      features: server.features,
      nowMs: this.api.clock.now(),
    });
    this.api.admitEventTime(parsed, principal);
    const answer =
      version === undefined
        ? await server.infer(parsed)
        : await server.inferVersion(this.api.table.version(server, version), parsed);
    const body = replyJson(endpoint, parsed, answer);
    return {
      status: 200,
      body,
      ascii: true,
      ...(parsed.count === 1 && { headers: { 'x-rondo-variant': variantOf(answer) } }),
    };
  }

  #failure(request: IncomingMessage, error: unknown): Reply {
    const failure = failureOf(error);
    if (failure.isFault) this.log.error('a request failed', { 'rondo.code': failure.code }, error);
    const status =
      request.url !== undefined && failure.detail.reason === 'BODY_TOO_LARGE' ? 413 : httpStatusOf(failure.code);
    return {
      status,
      body: JSON.stringify({ error: failure.message }),
      headers: { [ERROR_HEADER]: encodeDetail(failure.detail) },
    };
  }
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

function targetOf(path: string): Target {
  const match = MODEL_PATH.exec(path);
  const endpoint = match && segment(match[1]!);
  const version = match?.[2] === undefined ? undefined : segment(match[2]);
  if (!endpoint || version === null) {
    const rule = '/v2/models/{endpoint}[/versions/{version}][/ready|/infer]';
    throw new PermanentError('not-found', 'there is no such endpoint', {
      field: 'path',
      value: path.slice(0, 100),
      rule,
    });
  }
  return {
    endpoint,
    version,
    action: (match[3] as Target['action'] | undefined) ?? 'metadata',
    caller: `/v2/models/${endpoint}`,
  };
}

/** One decoded path segment; null when it is not one. */
function segment(encoded: string): string | null {
  try {
    const text = decodeURIComponent(encoded);
    return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(text) ? text : null;
  } catch {
    return null;
  }
}

function credentialsOf(request: IncomingMessage): Credentials {
  const { authorization, cookie } = request.headers;
  return { authorization, cookie, remoteAddress: request.socket.remoteAddress ?? '' };
}

function ok(body: unknown): Reply {
  return { status: 200, body: JSON.stringify(body) };
}

function accepted(count: number): Reply {
  return { status: 202, body: JSON.stringify({ accepted: count }) };
}
