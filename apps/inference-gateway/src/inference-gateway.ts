import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { messageOf } from '@rondo/kernel';
import type { Subscription } from '@rondo/messaging';
import { createScorer, type Scorer } from '@rondo/models';
import { CALLER_LIMITS, type CallerLimits } from '@rondo/rpc';
import type { Platform } from '@rondo/service';
import type { GatewayConfig } from './config.js';
import { GatewayApi, type Authenticate } from './protocol/gateway-api.js';
import { GatewayGrpc } from './protocol/gateway-grpc.js';
import { GatewayHttp } from './protocol/gateway-http.js';
import type { ServingParts } from './serving/endpoint-server.js';
import { EndpointTable } from './serving/endpoint-table.js';
import { followRoutings, knownRoutings } from './serving/known-routings.js';
import { MessagePublisher } from './serving/message-publisher.js';
import { ModelPool, type Place } from './serving/model-pool.js';
import { PredictionLog } from './serving/prediction-log.js';
import { RecordOutcomes } from './serving/record-outcomes.js';
import { ShadowQueue } from './serving/shadow-queue.js';
import { StateFolder } from './serving/state-folder.js';

const GRACE_MS = 5_000;

/** Every answer is complete when its first byte is sent, so a minute without progress means that nobody reads it. */
const GATEWAY_LIMITS: CallerLimits = { ...CALLER_LIMITS, silenceMs: 60_000, connectionsMax: 10_000 };
const DURATION_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

/** Where the gateway listens. */
export interface GatewayAddresses {
  readonly host: string;
  readonly httpPort: number;
  readonly grpcPort: number;
}

/** The data plane of one process: what it serves, how it is reached, and the record of what it answered. */
export class InferenceGateway implements OnModuleInit, OnApplicationShutdown {
  /** What each endpoint serves. */
  readonly table: EndpointTable;
  readonly #scorers: Readonly<Record<Place, Scorer>>;
  readonly #publisher: MessagePublisher;
  readonly #predictions: PredictionLog;
  readonly #shadows: ShadowQueue;
  readonly #http: GatewayHttp;
  readonly #grpc: GatewayGrpc;
  #addresses: GatewayAddresses | undefined;
  #routings: Subscription | undefined;

  constructor(
    private readonly platform: Platform,
    private readonly config: GatewayConfig,
    authenticate: Authenticate,
    limits: CallerLimits = GATEWAY_LIMITS,
  ) {
    const { bus, clock, ids, log, artifacts } = platform;
    const folder = new StateFolder(config.gatewayStateFolder);
    this.#scorers = {
      serving: createScorer({ maxThreads: config.gatewayScorerThreads }),
      trial: createScorer(),
    };
    this.#publisher = new MessagePublisher(bus, clock, log, {
      bytesMax: config.gatewayLogBytesMax,
      onDropped: droppedCounter(platform),
    });
    this.#predictions = new PredictionLog(this.#publisher, clock, ids);
    this.#shadows = new ShadowQueue(config.gatewayShadowRowsMax);
    const pool = new ModelPool(this.#scorers, artifacts, folder);
    const parts: ServingParts = {
      pool,
      log: this.#predictions,
      shadows: this.#shadows,
      now: () => clock.now(),
      observe: observer(platform),
      uncompared: uncomparedCounter(platform),
      serves: epochGauge(platform),
    };
    this.table = new EndpointTable(parts, folder, clock, log);
    const api = new GatewayApi(this.table, new RecordOutcomes(this.table, this.#publisher, clock), clock, authenticate);
    this.#http = new GatewayHttp(api, log, limits);
    this.#grpc = new GatewayGrpc(api, log, limits);
  }

  /** Where it listens; undefined before it does. */
  get addresses(): GatewayAddresses | undefined {
    return this.#addresses;
  }

  /** Serves what was served last, and what other replicas heard of since; then listens. */
  async onModuleInit(): Promise<void> {
    await this.table.restore();
    await this.#catchUp();
    this.#routings = await followRoutings(this.platform, (routing) => this.table.apply(routing));
    const { gatewayHost: host, gatewayHttpPort, gatewayGrpcPort } = this.config;
    this.#addresses = {
      host,
      httpPort: await this.#http.listen(host, gatewayHttpPort),
      grpcPort: await this.#grpc.listen(host, gatewayGrpcPort),
    };
  }

  /** Answers what has been asked, completes the record, ends the workers. */
  async onApplicationShutdown(): Promise<void> {
    await this.#routings?.close();
    this.table.close();
    await Promise.all([this.#http.close(GRACE_MS), this.#grpc.close(GRACE_MS)]);
    await this.flush();
    await this.#publisher.close();
    await Promise.all(Object.values(this.#scorers).map((scorer) => scorer.close()));
  }

  /** A store that is away must not keep the gateway from serving what it knows. */
  async #catchUp(): Promise<void> {
    try {
      for (const routing of await knownRoutings(this.platform.journal)) await this.table.apply(routing);
      await this.table.settled();
    } catch (error) {
      this.platform.log.warn('the routings cannot be looked up; serving the last ones known here', {
        'error.message': messageOf(error),
      });
    }
  }

  /** Completes the comparisons that wait and closes open log messages; resolves when they are with the bus. */
  async flush(): Promise<void> {
    await this.table.settled();
    await this.#shadows.idle();
    this.#predictions.flush();
    await this.#publisher.idle();
  }
}

function epochGauge({ telemetry }: Platform): ServingParts['serves'] {
  const gauge = telemetry.gauge('rondo_serving_epoch', 'Epoch of the routing by which this gateway answers.', [
    'endpoint',
  ]);
  return ({ endpoint, epoch }) => gauge.set(epoch, { endpoint });
}

function uncomparedCounter({ telemetry }: Platform): ServingParts['uncompared'] {
  const rows = telemetry.counter(
    'rondo_uncompared_rows_total',
    'Rows of a rollout that were answered and, for want of room, not compared.',
    ['endpoint'],
  );
  return (endpoint, count) => rows.add(count, { endpoint });
}

function droppedCounter({ telemetry }: Platform): () => void {
  const messages = telemetry.counter(
    'rondo_dropped_predictions_total',
    'Messages with predictions dropped because the bus was away for too long.',
    [],
  );
  return () => messages.add(1, {});
}

function observer({ telemetry }: Platform): ServingParts['observe'] {
  const predictions = telemetry.counter('rondo_predictions_total', 'Rows predicted.', ['endpoint', 'arm']);
  const duration = telemetry.histogram(
    'rondo_inference_request_duration_seconds',
    'Time to answer an inference request.',
    ['endpoint'],
    DURATION_BUCKETS,
  );
  return (endpoint, championRows, candidateRows, ms) => {
    if (championRows > 0) predictions.add(championRows, { endpoint, arm: 'champion' });
    if (candidateRows > 0) predictions.add(candidateRows, { endpoint, arm: 'candidate' });
    duration.observe(ms / 1_000, { endpoint });
  };
}
