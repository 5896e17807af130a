import { fromBinary, toBinary, type DescMessage, type Message, type UnknownField } from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import { WireType } from '@bufbuild/protobuf/wire';
import { shapeViolations, topicOf } from '@rondo/contracts';
import type { Cause, Journal, Outgoing } from '@rondo/journal';
import { idFrom, type Clock } from '@rondo/kernel';
import type { Envelope } from '@rondo/messaging';
import { journalOver, unitWith } from './wrapped.js';

/** A field of documents that this release does not know. */
export const NEW_FIELD = 'ofTheNextRelease';
const NEW_TYPE = 'rondo.rollout.v1.RolloutRewound';
const NEW_VALUE = 99;
const TOLD_MORE_EVERY = 3;
/** A field of every message, with the number 1 as its value; no message of this release has so high a number. */
const NEW_MESSAGE_FIELD: UnknownField = { no: 18_999, wireType: WireType.Varint, data: Uint8Array.of(1) };

/** A message that processes of this release must set aside. */
export interface NewerMessage {
  readonly envelope: Envelope;
  readonly reason: RegExp;
}

/** What the next release needs of its surroundings. */
interface NextReleaseParts {
  /** Whether the unit of work that begins is done by a process of it. */
  readonly isNewer: () => boolean;
  readonly publish: (envelope: Envelope) => void;
  readonly clock: Pick<Clock, 'now'>;
}

interface SavedDocument {
  readonly service: string;
  readonly kind: string;
  readonly id: string;
}

/**
 * What processes of the next release do beside those of this one: their messages have new fields at every level, or a new type, or a new
 * value of an enumeration; their documents have a new field.
 */
export class NextRelease {
  /** Messages that processes of this release must set aside. */
  readonly messages = new Map<string, NewerMessage>();
  /** Documents that were saved with the new field, by service, kind and id. */
  readonly saved = new Map<string, SavedDocument>();
  readonly #parts: NextReleaseParts;
  #told = 0;

  constructor(parts: NextReleaseParts) {
    this.#parts = parts;
  }

  /** The journal as the processes of a service use it, some of them of the next release. */
  journal(service: string, inner: Journal): Journal {
    return journalOver(inner, async (cause, work) => {
      if (!this.#parts.isNewer()) return inner.once(cause, work);
      const documents = new Map<string, SavedDocument>();
      const told: Outgoing[] = [];
      const done = await inner.once(cause, (unit) => {
        documents.clear();
        told.length = 0;
        return work(
          unitWith(unit, ({ kind, id, state, outgoing = [], ...rest }) => {
            documents.set(`${service} ${kind} ${id}`, { service, kind, id });
            told.push(...outgoing);
            const newer = outgoing.map((message) => ({ ...message, message: withNewFields(message) }));
            return { ...rest, kind, id, state: { ...(state as object), [NEW_FIELD]: true }, outgoing: newer };
          }),
        );
      });
      if (done.outcome !== 'done') return done;
      for (const [name, document] of documents) this.saved.set(name, document);
      for (const [index, message] of told.entries()) this.#tellMore(service, cause, index, message);
      return done;
    });
  }

  /** Beside every third message one of a new type, or the same with a new value. */
  #tellMore(service: string, { consumer, messageId }: Cause, index: number, { schema, message, key }: Outgoing): void {
    if (++this.#told % TOLD_MORE_EVERY !== 0) return;
    const envelope = (kind: string, type: string, payload: Uint8Array): Envelope => ({
      id: idFrom('next-release', service, consumer, messageId, String(index), kind),
      type,
      topic: topicOf(schema),
      key,
      source: 'rondo/next-release',
      timeMs: this.#parts.clock.now(),
      payload,
      headers: {},
    });
    const newValue = withNewValue(schema, message);
    if (newValue)
      this.#tell({ envelope: envelope('value', schema.typeName, toBinary(schema, newValue)), reason: /^invalid/ });
    else
      this.#tell({
        envelope: envelope('type', NEW_TYPE, Uint8Array.of(1, 2, 3)),
        reason: /^failed-precondition: .* is unknown to this version$/,
      });
  }

  #tell(message: NewerMessage): void {
    if (this.messages.has(message.envelope.id)) return;
    this.messages.set(message.envelope.id, message);
    this.#parts.publish(message.envelope);
  }
}

/** A copy with a new field at every level. */
function withNewFields({ schema, message }: Outgoing): Message {
  const copy = fromBinary(schema, toBinary(schema, message));
  addNewField(schema, copy);
  return copy;
}

function addNewField(schema: DescMessage, message: Message): void {
  message.$unknown = [...(message.$unknown ?? []), NEW_MESSAGE_FIELD];
  const reflected = reflect(schema, message);
  for (const field of schema.fields) {
    if (!reflected.isSet(field)) continue;
    if (field.fieldKind === 'message') addNewField(field.message, reflected.get(field).message);
    if (field.fieldKind === 'list' && field.listKind === 'message')
      for (const item of reflected.get(field))
        addNewField(field.message, (item as { readonly message: Message }).message);
    if (field.fieldKind === 'map' && field.mapKind === 'message')
      for (const item of reflected.get(field).values())
        addNewField(field.message, (item as { readonly message: Message }).message);
  }
}

/** A copy whose first enumeration has a value that this release refuses, if it has one. */
function withNewValue(schema: DescMessage, message: Message): Message | undefined {
  const field = schema.fields.find(({ fieldKind }) => fieldKind === 'enum');
  if (field?.fieldKind !== 'enum') return undefined;
  const copy = fromBinary(schema, toBinary(schema, message));
  reflect(schema, copy).set(field, NEW_VALUE);
  return shapeViolations(schema, copy).length > 0 ? copy : undefined;
}
