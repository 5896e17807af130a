import { create, fromBinary, toJson } from '@bufbuild/protobuf';
import { Inject } from '@nestjs/common';
import {
  AuditService,
  GetArtifactResponseSchema,
  ListAuditEntriesResponseSchema,
  ListParkedResponseSchema,
  ListSpansResponseSchema,
  OperationsService,
  registry,
  ReplayParkedResponseSchema,
  VerifyAuditResponseSchema,
  WhoAmIResponseSchema,
  type GetArtifactRequest,
  type GetArtifactResponse,
  type ListAuditEntriesRequest,
  type ListAuditEntriesResponse,
  type ListParkedResponse,
  type ListSpansRequest,
  type ListSpansResponse,
  type ReplayParkedRequest,
  type ReplayParkedResponse,
  type VerifyAuditResponse,
  type WhoAmIRequest,
  type WhoAmIResponse,
} from '@rondo/contracts';
import type { JournalEntry } from '@rondo/journal';
import { PLATFORM, RpcService, type Platform, type RpcContext } from '@rondo/service';
import { timestamp } from '../contract-map.js';
import { SURROUNDINGS, type Surroundings } from '../surroundings.js';
import { blindfoldFor } from './blind-labels.js';
import { overrideFact } from './callers.js';

const TRACED_ENTRIES = 1000;
const TRACES_SHOWN = 50;
const LONGEST_SHOWN_PAYLOAD = 64 * 1024;

function payloadJson(type: string, payload: Uint8Array): string {
  const schema = registry.getMessage(type);
  if (!schema) return '';
  const text = JSON.stringify(toJson(schema, fromBinary(schema, payload), { registry }));
  return text.length > LONGEST_SHOWN_PAYLOAD ? JSON.stringify({ tooLongToShow: true, characters: text.length }) : text;
}

/** The journals of all services as one audit log, newest first. */
@RpcService(AuditService)
export class AuditRpc {
  private readonly broken: ReturnType<Platform['telemetry']['gauge']>;

  constructor(
    @Inject(SURROUNDINGS) private readonly surroundings: Surroundings,
    @Inject(PLATFORM) { telemetry }: Platform,
  ) {
    this.broken = telemetry.gauge('rondo_audit_chain_broken', '1 when the last verification found a broken chain.', [
      'service',
    ]);
  }

  async listAuditEntries(
    request: ListAuditEntriesRequest,
    { principal }: RpcContext,
  ): Promise<ListAuditEntriesResponse> {
    const limit = request.pageSize || 100;
    const before = decodeToken(request.pageToken);
    const pages = await Promise.all(
      this.surroundings.journals.map(({ service, journal }) =>
        journal.entries({
          newestFirst: true,
          limit,
          ...(before[service] !== undefined && { beforePosition: before[service] }),
          ...(request.pipeline && { key: request.pipeline }),
          ...(request.cycleId && { cycleId: request.cycleId }),
          ...(request.actor && { actor: request.actor }),
        }),
      ),
    );
    const shownEntries = pages
      .flat()
      .sort((a, b) => b.atMs - a.atMs || b.position - a.position)
      .slice(0, limit);
    const next = { ...before };
    for (const entry of shownEntries) next[entry.service] = entry.position;
    const more = pages.flat().length > shownEntries.length || shownEntries.length === limit;
    const blindfold = blindfoldFor(principal, this.surroundings.journals);
    return create(ListAuditEntriesResponseSchema, {
      entries: await Promise.all(shownEntries.map(async (entry) => entryView(entry, await blindfold(entry)))),
      nextPageToken: more ? Buffer.from(JSON.stringify(next)).toString('base64url') : '',
    });
  }

  async verifyAudit(): Promise<VerifyAuditResponse> {
    let entries = 0;
    let streams = 0;
    for (const { service, journal } of this.surroundings.journals) {
      const report = await journal.verify();
      entries += report.entries;
      streams += report.streams;
      this.broken.set(report.intact ? 0 : 1, { service });
      if (report.intact || !report.broken) continue;
      const { stream, version, explanation } = report.broken;
      return create(VerifyAuditResponseSchema, {
        intact: false,
        entries: BigInt(entries),
        streams: BigInt(streams),
        brokenAt: `${service}/${stream}@${version}`,
        explanation,
      });
    }
    return create(VerifyAuditResponseSchema, { intact: true, entries: BigInt(entries), streams: BigInt(streams) });
  }
}

function decodeToken(token: string): Record<string, number> {
  if (token === '') return {};
  const parsed: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
  return Object.fromEntries(Object.entries(parsed as object).filter(([, position]) => Number.isSafeInteger(position)));
}

function entryView(entry: JournalEntry, withheld: string | undefined) {
  return {
    position: BigInt(entry.position),
    service: entry.service,
    stream: entry.stream,
    version: BigInt(entry.version),
    type: entry.type,
    payloadJson: withheld ?? payloadJson(entry.type, entry.payload),
    at: timestamp(entry.atMs),
    actor: entry.actor,
    hash: entry.hash,
    traceId: entry.headers.traceparent?.split('-')[1] ?? '',
    pipeline: entry.key,
    cycleId: entry.headers.cycleid ?? '',
  };
}

/** The engine room. */
@RpcService(OperationsService)
export class OperationsRpc {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(SURROUNDINGS) private readonly surroundings: Surroundings,
  ) {}

  whoAmI(_request: WhoAmIRequest, context: RpcContext): Promise<WhoAmIResponse> {
    const { version, mode } = this.surroundings;
    return Promise.resolve(
      create(WhoAmIResponseSchema, {
        principal: context.principal.id,
        roles: [...context.principal.roles],
        version,
        mode,
      }),
    );
  }

  async listParked(): Promise<ListParkedResponse> {
    const parked = await this.platform.bus.parked.list();
    return create(ListParkedResponseSchema, {
      messages: parked.map(({ id, delivery, reason, parkedAtMs }) => ({
        id,
        consumer: delivery.group,
        topic: delivery.topic,
        type: delivery.type,
        key: delivery.key,
        reason,
        attempts: delivery.attempt,
        parkedAt: timestamp(parkedAtMs),
        payloadJson: parkedPayload(delivery.type, delivery.payload),
      })),
    });
  }

  async replayParked(request: ReplayParkedRequest, context: RpcContext): Promise<ReplayParkedResponse> {
    const { id, reason } = request;
    const requestId = this.platform.ids.next();
    const fact = overrideFact(context, { pipeline: '', method: 'ReplayParked', subject: id, reason, requestId });
    const actor = context.principal.id;
    await this.platform.journal.once({ consumer: 'rpc', messageId: requestId, actor }, (unit) =>
      unit.save({ kind: 'override', id: requestId, state: { method: 'ReplayParked', subject: id }, outgoing: [fact] }),
    );
    return create(ReplayParkedResponseSchema, { replayed: await this.platform.bus.parked.replay(id) });
  }

  async listSpans(request: ListSpansRequest): Promise<ListSpansResponse> {
    const spans = await this.surroundings.spans({ cycleId: request.cycleId, traceId: request.traceId });
    return create(ListSpansResponseSchema, {
      spans: spans.map(({ startMs, endMs, ...span }) => ({
        ...span,
        start: timestamp(startMs),
        end: timestamp(endMs),
      })),
      traceUrls: spans.length === 0 ? await this.traceUrls(request) : [],
    });
  }

  /** Each step of a cycle is a trace of its own; the journals know which. */
  private async traceUrls({ cycleId, traceId }: ListSpansRequest): Promise<string[]> {
    const { traceUrl, journals } = this.surroundings;
    if (!traceUrl) return [];
    if (traceId) return [traceUrl(traceId)];
    if (!cycleId) return [];
    const entries = await Promise.all(
      journals.map(({ journal }) => journal.entries({ cycleId, limit: TRACED_ENTRIES })),
    );
    const inOrder = entries.flat().sort((a, b) => a.atMs - b.atMs);
    const traces = new Set(inOrder.flatMap(({ headers }) => headers.traceparent?.split('-')[1] ?? []));
    return [...traces].slice(0, TRACES_SHOWN).map(traceUrl);
  }

  async getArtifact(request: GetArtifactRequest): Promise<GetArtifactResponse> {
    const content = await this.platform.artifacts.get(request.digest, { maxBytes: 4 * 1024 * 1024 });
    return create(GetArtifactResponseSchema, { content, mediaType: mediaTypeOf(content) });
  }
}

/** A parked message may be anything at all. */
function parkedPayload(type: string, payload: Uint8Array): string {
  try {
    return payloadJson(type, payload);
  } catch {
    return JSON.stringify({ undecodable: true, base64: Buffer.from(payload.subarray(0, 1024)).toString('base64') });
  }
}

function mediaTypeOf(content: Uint8Array): string {
  const head = Buffer.from(content.subarray(0, 4)).toString('latin1');
  if (head === 'PAR1') return 'application/vnd.apache.parquet';
  if (/^\s*[[{]/.test(head)) return 'application/json';
  return head.startsWith('#') ? 'text/markdown' : 'application/octet-stream';
}
