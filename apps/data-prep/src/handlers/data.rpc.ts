import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import {
  AnnounceArrivalSchema,
  BatchSchema,
  DataService,
  DecideBatchRequestSchema,
  shapeViolations,
  type AnnounceArrival as AnnounceCommand,
  type AnnounceResponseSchema,
  type DecideBatchRequest,
  type GetBatchRequest,
  type ListBatchesRequest,
  type ListBatchesResponseSchema,
} from '@rondo/contracts';
import type { Unit } from '@rondo/journal';
import { PermanentError } from '@rondo/kernel';
import { answerOnce, PLATFORM, RpcService, type Platform, type RpcContext } from '@rondo/service';
import { actorOf, announcementFrom, batchTo, stateFrom } from '../contract-map.js';
import type { Batch, BatchDecision } from '../domain/batch.js';
import { AnnounceArrival } from '../use-cases/announce-arrival.js';
import { DecideBatch, loadBatch, type BatchReference } from '../use-cases/decide-batch.js';
import { BATCH } from '../use-cases/tools.js';

type BatchMessage = MessageInitShape<typeof BatchSchema>;
type Decide = (
  unit: Unit,
  reference: BatchReference,
  decision: BatchDecision,
) => Promise<{ batch: Batch; version: number }>;

const PAGE_SIZE = 50;

/** Announcements in, batches and their quarantine. */
@RpcService(DataService)
export class DataRpc {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(AnnounceArrival) private readonly arrivals: AnnounceArrival,
    @Inject(DecideBatch) private readonly decisions: DecideBatch,
  ) {}

  async announce(
    request: AnnounceCommand,
    { principal, traceparent }: RpcContext,
  ): Promise<MessageInitShape<typeof AnnounceResponseSchema>> {
    const [violation] = shapeViolations(AnnounceArrivalSchema, request);
    if (violation) {
      const { field, message, rule, value } = violation;
      throw new PermanentError('invalid', `${field}: ${message}`, { field, value, rule, reason: 'EVENT_MALFORMED' });
    }
    const cause = {
      consumer: 'rpc',
      messageId: this.platform.ids.next(),
      actor: principal.id,
      ...(traceparent && { traceparent }),
    };
    return this.arrivals.execute(announcementFrom(request), cause);
  }

  async listBatches({
    pipeline,
    state,
    pageSize,
    pageToken,
  }: ListBatchesRequest): Promise<MessageInitShape<typeof ListBatchesResponseSchema>> {
    const wanted = stateFrom(state);
    const page = await this.platform.journal.list<Batch>(BATCH, {
      where: { ...(pipeline !== '' && { pipeline }), ...(wanted && { state: wanted }) },
      orderBy: { index: 'startMs', direction: 'desc' },
      limit: pageSize === 0 ? PAGE_SIZE : pageSize,
      ...(pageToken !== '' && { pageToken }),
    });
    return {
      batches: page.items.map(({ state: batch, version }) => batchTo(batch, version)),
      nextPageToken: page.nextPageToken ?? '',
    };
  }

  async getBatch({ pipeline, batchId }: GetBatchRequest): Promise<BatchMessage> {
    const { state, version } = await loadBatch(this.platform.journal, { pipeline, batchId });
    return batchTo(state, version);
  }

  releaseBatch(request: DecideBatchRequest, context: RpcContext): Promise<BatchMessage> {
    return this.#decide('DataService/ReleaseBatch', request, context, (...call) => this.decisions.release(...call));
  }

  rejectBatch(request: DecideBatchRequest, context: RpcContext): Promise<BatchMessage> {
    return this.#decide('DataService/RejectBatch', request, context, (...call) => this.decisions.reject(...call));
  }

  #decide(
    method: string,
    request: DecideBatchRequest,
    { principal, traceparent }: RpcContext,
    decide: Decide,
  ): Promise<BatchMessage> {
    const { pipeline, batchId, etag, reason, requestId } = request;
    const incoming = {
      method,
      requestId,
      schema: DecideBatchRequestSchema,
      request,
      actor: principal.id,
      ...(traceparent && { traceparent }),
    };
    return answerOnce(this.platform.journal, incoming, BatchSchema, async (unit) => {
      const decision = { actor: actorOf(principal), reason, atMs: this.platform.clock.now() };
      const { batch, version } = await decide(unit, { pipeline, batchId, etag }, decision);
      return create(BatchSchema, batchTo(batch, version));
    });
  }
}
