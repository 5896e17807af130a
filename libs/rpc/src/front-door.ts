import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PermanentError, systemClock, TransientError } from '@rondo/kernel';
import {
  authorize,
  guardBrowser,
  signInHandler,
  type Authenticator,
  type Principal,
  type RoleName,
  type Sessions,
} from '@rondo/security';
import type { RegisteredRpc } from '@rondo/service';
import type { Logger, MetricsText, Telemetry } from '@rondo/telemetry';
import { CALLER_LIMITS, limitedHttpServer, type CallerLimits } from './caller-limits.js';
import { CallChain } from './call-chain.js';
import { connectRoutes } from './connect-routes.js';
import { HealthStatus } from './grpc-health.js';
import { credentialsOf, startGrpcServer, type RunningGrpcServer } from './grpc-server.js';
import { writeProblem } from './problem.js';
import { routesOf, type RpcRoute } from './routes.js';
import { StaticFiles } from './static-files.js';
import type { StreamHub } from './stream-hub.js';

/** Part of the HTTP port that another handler answers, an Express application for example. */
export interface Mount {
  /** Path, and every path below it. The handler sees the whole address. */
  readonly path: string;
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** Role needed; `open` leaves recognition to the handler. There is no default, so that no door is open by omission. */
  readonly requires: RoleName | 'open';
}

/** One named dependency of readiness. */
export type ReadinessCheck = () => boolean | Promise<boolean>;

export interface FrontDoorOptions {
  /** Port 0 takes a free one. */
  readonly http: { readonly host: string; readonly port: number };
  readonly grpc: { readonly host: string; readonly port: number };
  readonly rpcs: readonly RegisteredRpc[];
  readonly authenticator: Authenticator;
  readonly telemetry: Telemetry & { metricsText(accept?: string): Promise<MetricsText> };
  readonly log: Logger;
  readonly sessions?: Sessions;
  readonly mounts?: readonly Mount[];
  /** Folder with the built console. */
  readonly statics?: string;
  readonly stream?: StreamHub;
  readonly ready?: Readonly<Record<string, ReadinessCheck>>;
  /** Host names answered besides the loopback names. */
  readonly hosts?: readonly string[];
  /** Largest request message, in bytes. Default 4 MiB. */
  readonly messageBytes?: number;
  /** Longest time a unary call may take, in ms. Default 30 s. */
  readonly unaryMs?: number;
  /** Default {@link CALLER_LIMITS}. */
  readonly limits?: CallerLimits;
}

/** A front door that is open. */
export interface RunningFrontDoor {
  /** For example `http://127.0.0.1:4700`. */
  readonly httpUrl: string;
  readonly httpPort: number;
  /** For example `127.0.0.1:4701`. */
  readonly grpcAddress: string;
  readonly grpcPort: number;
  /** Answers not-ready, ends streams, lets running calls finish for `graceMs` (default 5 s), then cuts them. */
  close(graceMs?: number): Promise<void>;
}

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  // Scripts come from our files only. Styles may be inline: the component library writes its theme into a <style> element, styles
  // run no code, and nothing can be sent elsewhere. This needs no nonce, so the page stays a plain file.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
    "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
};

const principals = new WeakMap<IncomingMessage, Principal>();

/** Who sent a request that reached a mount. @throws TypeError for requests that did not come through the front door */
export function principalOf(request: IncomingMessage): Principal {
  const principal = principals.get(request);
  if (!principal) throw new TypeError('the request did not come through a mount that requires a role');
  return principal;
}

/** Opens the HTTP port (RPCs as Connect and gRPC-Web, mounts, stream, console, metrics, probes) and the gRPC port. */
export async function frontDoor(options: FrontDoorOptions): Promise<RunningFrontDoor> {
  const routes = routesOf(options.rpcs);
  const services = options.rpcs.map((rpc) => rpc.service);
  const { authenticator, telemetry, log } = options;
  const messageBytes = options.messageBytes ?? 4 * 1024 * 1024;
  const chain = new CallChain({
    authenticator,
    telemetry,
    log,
    ...(options.unaryMs !== undefined && { unaryMs: options.unaryMs }),
  });
  const health = new HealthStatus(services);
  const limits = options.limits ?? CALLER_LIMITS;
  const door = new HttpDoor(options, routes, chain, health, messageBytes);
  const http = await listen(door.server(limits), options.http);
  let grpcServer: RunningGrpcServer;
  try {
    grpcServer = await startGrpcServer({
      ...options.grpc,
      routes,
      services,
      chain,
      health,
      messageBytes,
      limits,
      admitReflection: (metadata, peer) => {
        const name = 'grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
        authorize(authenticator.authenticate(credentialsOf(metadata, peer), name), 'viewer', name);
      },
    });
  } catch (error) {
    http.close();
    throw error;
  }
  const gauge = telemetry.gauge('rondo_stream_clients', 'Open console streams.', []);
  options.stream?.onClients((count) => gauge.set(count, {}));
  health.set(true);
  const { port } = http.address() as AddressInfo;
  return {
    httpPort: port,
    httpUrl: `http://${urlHost(options.http.host)}:${port}`,
    grpcPort: grpcServer.port,
    grpcAddress: `${urlHost(options.grpc.host)}:${grpcServer.port}`,
    close: async (graceMs = 5000) => {
      health.set(false);
      options.stream?.close();
      await Promise.all([closeHttp(http, graceMs), grpcServer.close(graceMs)]);
    },
  };
}

const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

async function listen(server: Server, at: { readonly host: string; readonly port: number }): Promise<Server> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return server;
}

async function closeHttp(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

class HttpDoor {
  readonly #options: FrontDoorOptions;
  readonly #health: HealthStatus;
  readonly #statics: StaticFiles | undefined;
  readonly #signIn: ReturnType<typeof signInHandler> | undefined;
  readonly #rpc: (request: IncomingMessage, response: ServerResponse) => void;

  constructor(
    options: FrontDoorOptions,
    routes: readonly RpcRoute[],
    chain: CallChain,
    health: HealthStatus,
    messageBytes: number,
  ) {
    this.#options = options;
    this.#health = health;
    this.#statics = options.statics === undefined ? undefined : new StaticFiles(options.statics);
    this.#signIn =
      options.sessions &&
      signInHandler({
        sessions: options.sessions,
        clock: systemClock,
        authenticate: (credentials, method) => options.authenticator.authenticate(credentials, method),
        onDenied: ({ method, reason }) => options.authenticator.denied({ id: '', roles: [] }, method, reason),
      });
    this.#rpc = connectRoutes({ routes, chain, messageBytes, log: options.log }, (request, response) =>
      this.#page(request, response),
    );
  }

  server(limits: CallerLimits): Server {
    return limitedHttpServer(limits, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (!(error instanceof PermanentError) && !(error instanceof TransientError)) {
          this.#options.log.error(`${request.method ?? ''} ${pathOf(request).slice(0, 200)} failed`, {}, error);
        }
        writeProblem(response, error);
      });
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    response.once('finish', () => dropUnreadBody(request));
    const path = pathOf(request);
    // Probes come by address, not by name, and learn one bit.
    if (path === '/livez') return plain(response, 200, 'ok\n');
    if (path === '/readyz') return this.#readiness(response);
    // No page can make a browser send an Authorization header here: who does is no victim, whatever name it used.
    if (request.headers.authorization === undefined)
      guardBrowser({ method: request.method ?? '', headers: request.headers }, this.#options.hosts);
    if (this.#signIn?.(request, response)) return;
    if (path === '/metrics') return this.#metrics(request, response);
    if (path === '/v1/stream' && this.#options.stream) return this.#stream(request, response, this.#options.stream);
    const mount = this.#options.mounts?.find(
      (candidate) => path === candidate.path || path.startsWith(`${candidate.path.replace(/\/$/, '')}/`),
    );
    if (mount) {
      if (mount.requires !== 'open') principals.set(request, this.#admit(request, mount.requires));
      return mount.handler(request, response);
    }
    return this.#rpc(request, response);
  }

  async #readiness(response: ServerResponse): Promise<void> {
    const checks = Object.entries(this.#options.ready ?? {});
    const outcomes = await Promise.all(
      checks.map(async ([name, check]) => [name, await Promise.resolve(check()).catch(() => false)] as const),
    );
    const isReady = this.#health.isServing && outcomes.every(([, isGood]) => isGood);
    const lines = outcomes.map(([name, isGood]) => `${isGood ? 'ok ' : 'not'} ${name}\n`);
    plain(response, isReady ? 200 : 503, `${isReady ? 'ready' : 'not ready'}\n${lines.join('')}`);
  }

  async #metrics(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#admit(request, 'viewer');
    const { contentType, body } = await this.#options.telemetry.metricsText(request.headers.accept);
    response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
  }

  #stream(request: IncomingMessage, response: ServerResponse, hub: StreamHub): void {
    this.#admit(request, 'viewer');
    hub.serve(request, response, () => {
      try {
        this.#admit(request, 'viewer');
        return true;
      } catch {
        return false;
      }
    });
  }

  #admit(request: IncomingMessage, role: RoleName): Principal {
    const { authenticator } = this.#options;
    const method = `${request.method ?? ''} ${pathOf(request).slice(0, 200)}`;
    const { authorization, cookie } = request.headers;
    const principal = authenticator.authenticate(
      { authorization, cookie, remoteAddress: request.socket.remoteAddress ?? '' },
      method,
    );
    try {
      authorize(principal, role, method);
    } catch (error) {
      authenticator.denied(principal, method, 'ROLE_REQUIRED');
      throw error;
    }
    return principal;
  }

  #page(request: IncomingMessage, response: ServerResponse): void {
    const path = pathOf(request);
    if (this.#statics?.serve(request, response, path)) return;
    if (path === '/' && this.#statics && !this.#statics.hasIndex) {
      return plain(response, 200, 'Rondo runs. The console is not built yet: run `npm run build`.\n');
    }
    writeProblem(
      response,
      new PermanentError('not-found', `nothing answers ${request.method ?? ''} ${path.slice(0, 200)}`, {
        field: 'path',
        value: path,
      }),
    );
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }).end(text);
}

/**
 * A request that was refused before its body was read must not hold up the next one on the connection: the rest is thrown away, for
 * two seconds; who is still sending then is cut.
 */
function dropUnreadBody(request: IncomingMessage): void {
  if (request.complete) return;
  const timer = setTimeout(() => request.socket.destroy(), 2000);
  request.once('end', () => clearTimeout(timer));
  request.once('close', () => clearTimeout(timer));
  request.resume();
}

/** Path of the request, without query; never decoded, so that there is one way to write it. */
function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0]!;
}
