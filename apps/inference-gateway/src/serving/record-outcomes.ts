import { createHash } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { FeedbackObservedSchema, LabelsObservedSchema } from '@rondo/contracts';
import { canonicalJson, type Clock } from '@rondo/kernel';
import { feedbackEntries, labelEntries } from '../domain/outcome-requests.js';
import type { EndpointTable } from './endpoint-table.js';
import type { MessagePublisher } from './message-publisher.js';

/** Takes outcomes and feedback to the bus. The same content sent again has the same message ids, so it counts once. */
export class RecordOutcomes {
  constructor(
    private readonly table: EndpointTable,
    private readonly publisher: MessagePublisher,
    private readonly clock: Clock,
  ) {}

  /** Durable when it resolves, to the number of labels taken. @throws `invalid`, `not-found` for an unknown endpoint */
  async labels(body: unknown): Promise<number> {
    const entries = labelEntries(body, this.clock.now());
    const messages = entries.map((entry) => {
      const { endpoint, requestId, rowIndexes, labels, eventTimeMs } = entry;
      const { pipeline } = this.table.routingOf(endpoint);
      const times = { eventTime: timestampFromMs(eventTimeMs) };
      const message = create(LabelsObservedSchema, {
        endpoint,
        pipeline,
        requestId,
        ...times,
        rowIndexes: [...rowIndexes],
        labels: Uint8Array.from(labels),
      });
      return {
        schema: LabelsObservedSchema,
        message,
        addressing: { key: endpoint, identity: [endpoint, requestId, digestOf([rowIndexes, labels])] },
      };
    });
    await this.publisher.publish(messages.filter(({ message }) => message.labels.byteLength > 0));
    return entries.reduce((sum, entry) => sum + entry.labels.length, 0);
  }

  /** Durable when it resolves, to the number of reactions taken. @throws `invalid`, `not-found` for an unknown endpoint */
  async feedback(body: unknown): Promise<number> {
    const entries = feedbackEntries(body, this.clock.now());
    const messages = entries.map((entry) => {
      const { endpoint, requestId, rowIndex, name, value, eventTimeMs } = entry;
      const { pipeline } = this.table.routingOf(endpoint);
      const message = create(FeedbackObservedSchema, {
        endpoint,
        pipeline,
        requestId,
        rowIndex,
        name,
        value,
        eventTime: timestampFromMs(eventTimeMs),
      });
      return {
        schema: FeedbackObservedSchema,
        message,
        addressing: { key: endpoint, identity: [endpoint, requestId, digestOf([rowIndex, name, value])] },
      };
    });
    await this.publisher.publish(messages);
    return entries.length;
  }
}

function digestOf(content: unknown): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}
