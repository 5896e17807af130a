import { fromBinary, fromJsonString, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { registry, type AuditEntry } from '@rondo/contracts';
import type { JournalEntry } from '@rondo/journal';

/** A message that a service recorded. */
export interface Fact<M> {
  readonly service: string;
  /** Place in the journal of its service. */
  readonly position: number;
  readonly message: M;
}

/** As a message in the form in which it was read. */
type Recording = Omit<Fact<unknown>, 'message'> & {
  readonly type: string;
  readonly decode: <D extends DescMessage>(schema: D) => MessageShape<D>;
};

/** What all services recorded, each in the order of its journal, wherever that was read. */
export class Recorded {
  readonly #byType = new Map<string, Recording[]>();

  private constructor(recordings: readonly Recording[]) {
    for (const recording of [...recordings].sort((a, b) => a.position - b.position))
      this.#byType.set(recording.type, [...(this.#byType.get(recording.type) ?? []), recording]);
  }

  /** From the journals themselves. */
  static ofJournals(entries: readonly JournalEntry[]): Recorded {
    return new Recorded(
      entries.map(({ service, position, type, payload }) => ({
        service,
        position,
        type,
        decode: (schema) => fromBinary(schema, payload),
      })),
    );
  }

  /** From what the API tells of them. */
  static ofAudit(entries: readonly AuditEntry[]): Recorded {
    return new Recorded(
      entries.map(({ service, position, type, payloadJson }) => ({
        service,
        position: Number(position),
        type,
        decode: (schema) => fromJsonString(schema, payloadJson, { registry }),
      })),
    );
  }

  /** Every message of a type; positions can be compared within one service. */
  of<D extends DescMessage>(schema: D): Fact<MessageShape<D>>[] {
    const recordings = this.#byType.get(schema.typeName) ?? [];
    return recordings.map(({ service, position, decode }) => ({ service, position, message: decode(schema) }));
  }

  /** The same without their places. */
  messages<D extends DescMessage>(schema: D): MessageShape<D>[] {
    return this.of(schema).map(({ message }) => message);
  }
}
