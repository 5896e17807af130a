import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { Inject } from '@nestjs/common';
import {
  ArrivalAcceptedSchema,
  ArrivalFailedSchema,
  ArrivalMergedSchema,
  BatchQuarantinedSchema,
  BatchReadySchema,
  BatchRejectedSchema,
  SnapshotPreparedSchema,
  type ArrivalAccepted,
  type ArrivalFailed,
  type ArrivalMerged,
  type BatchQuarantined,
  type BatchReady,
  type BatchRejected,
  type SnapshotPrepared,
} from '@rondo/contracts';
import type { Delivery } from '@rondo/messaging';
import { BusController, causeOf, HandleEvent, PLATFORM, type Platform } from '@rondo/service';
import { actorFrom, artifactFrom, findingFrom, msOf, splitFrom } from '../contract-map.js';
import type { LedgerState } from '../domain/ledger.js';
import { afterSnapshot, loadCycle } from '../use-cases/cycles.js';
import { decideEvent } from '../use-cases/decide-event.js';
import { known, record } from '../use-cases/ledger.js';
import { loadPipeline, noteEventTime, savePipeline } from '../use-cases/pipelines.js';
import { Policies } from '../use-cases/policies.js';
import { armSchedule } from '../use-cases/scheduled-cycles.js';

/** What data-prep says: arrivals enter the ledger, batches are decided about, snapshots move cycles. */
@BusController()
export class DataEvents {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(Policies) private readonly policies: Policies,
  ) {}

  @HandleEvent(ArrivalAcceptedSchema)
  async onAccepted(event: ArrivalAccepted, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      await Promise.all([
        noteEventTime(unit, event.pipeline, msOf(event.dataInterval?.end)),
        record(unit, {
          ...arrival(event, delivery.timeMs),
          fate: 'Pending',
          reason: 'Checking',
          explanation: 'the batch is being checked against its contract',
          eventTimeMs: msOf(event.dataInterval?.end),
          summary: `data announced: ${event.uri}`,
        }),
      ]);
    });
  }

  @HandleEvent(ArrivalMergedSchema)
  async onMerged(event: ArrivalMerged, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), (unit) =>
      record(unit, {
        ...arrival(event, delivery.timeMs),
        // The same source and id may be announced again and again; each announcement is an event of its own.
        eventId: `${event.eventId}#${delivery.id}`,
        fate: 'Merged',
        reason: 'Duplicate',
        explanation: `the same data as batch ${event.batchId}, announced before`,
        summary: `announced again: ${event.eventId}`,
      }),
    );
  }

  @HandleEvent(ArrivalFailedSchema)
  async onFailed(event: ArrivalFailed, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), (unit) =>
      record(unit, {
        ...arrival(event, delivery.timeMs),
        fate: 'Failed',
        reason: event.finding?.code ?? 'ArrivalFailed',
        explanation: event.finding?.message ?? 'the announced data could not be read',
        summary: `data could not be read: ${event.eventId}`,
        findings: event.finding ? [findingFrom(event.finding)] : [],
      }),
    );
  }

  @HandleEvent(BatchQuarantinedSchema)
  async onQuarantined(event: BatchQuarantined, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const before = await known(unit, event.pipeline, 'arrival', event.eventId);
      await record(unit, {
        ...arrival(event, delivery.timeMs),
        eventTimeMs: msOf(event.dataInterval?.end),
        fate: 'Quarantined',
        reason: 'ContractInvalid',
        explanation: event.findings.map((finding) => finding.message).join('; '),
        summary: before?.summary ?? `data announced: ${event.uri}`,
        findings: event.findings.map(findingFrom),
      });
      armSchedule(unit, await loadPipeline(unit, event.pipeline), this.platform.clock.now());
    });
  }

  @HandleEvent(BatchRejectedSchema)
  async onRejected(event: BatchRejected, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const before = await known(unit, event.pipeline, 'arrival', event.eventId);
      await record(unit, {
        ...(before ?? arrival(event, delivery.timeMs)),
        pipeline: event.pipeline,
        fate: 'Rejected',
        reason: 'RejectedByPerson',
        explanation: `${event.actor?.id ?? 'somebody'}: ${event.reason}`,
      });
    });
  }

  @HandleEvent(BatchReadySchema)
  async onReady(event: BatchReady, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const [pipeline, before] = await Promise.all([
        loadPipeline(unit, event.pipeline),
        known(unit, event.pipeline, 'arrival', event.eventId),
      ]);
      savePipeline(unit, { ...pipeline, readyRows: Number(event.readyRowsTotal) });
      const endMs = msOf(event.dataInterval?.end);
      await decideEvent(unit, this.policies, {
        pipeline: event.pipeline,
        on: 'BatchReady',
        ledger: {
          ...(before ?? arrival(event, delivery.timeMs)),
          eventTimeMs: endMs,
          batchId: event.batchId,
          findings: event.warnings.map(findingFrom),
        },
        values: {
          batch: { rows: Number(event.rows), labeledRows: Number(event.labeledRows) },
          data: { readyRows: Number(event.readyRowsTotal) },
        },
        actor: actorFrom(event.releasedBy),
        atMs: this.platform.clock.now(),
      });
      // Not before the batch is ready: a cycle whose day it brings is to learn from it.
      armSchedule(unit, await loadPipeline(unit, event.pipeline), this.platform.clock.now());
    });
  }

  @HandleEvent(SnapshotPreparedSchema)
  async onSnapshot(event: SnapshotPrepared, delivery: Delivery): Promise<void> {
    await this.platform.journal.once(causeOf(delivery), async (unit) => {
      const cycle = await loadCycle(unit, event.cycleId);
      if (cycle.phase !== 'Preparing') return;
      const spec = await this.policies.spec(unit, cycle.pipeline, cycle.generation);
      const manifest = artifactFrom(event.manifest);
      const review = artifactFrom(event.reviewArtifact);
      const snapshot = {
        digest: event.snapshotDigest,
        splits: event.splits.map(splitFrom),
        featureViewDigest: event.featureViewDigest,
        reviewRows: Number(event.reviewRows),
        ...(manifest && { manifest }),
        ...(review && { review }),
      };
      afterSnapshot(unit, { ...cycle, snapshot }, spec, this.platform.clock.now());
    });
  }
}

type Announced = {
  readonly pipeline: string;
  readonly eventId: string;
  readonly eventSource?: string;
  readonly batchId: string;
  readonly announcedAt?: Timestamp;
};

function arrival(event: Announced, receivedAtMs: number): Omit<LedgerState, 'fate' | 'reason' | 'explanation'> {
  return {
    pipeline: event.pipeline,
    eventId: event.eventId,
    kind: 'arrival',
    summary: `data announced: ${event.eventId}`,
    source: event.eventSource ?? '',
    eventTimeMs: event.announcedAt ? msOf(event.announcedAt) : receivedAtMs,
    receivedAtMs,
    batchId: event.batchId,
    findings: [],
  };
}
