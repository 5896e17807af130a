import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** What a file may cost once it is decoded. */
export interface WireLimits {
  readonly messages: number;
  /** Fields and elements of packed lists together. */
  readonly values: number;
  readonly depth: number;
}

/** The limit that bytes break, or a field that the schema does not have. */
export type WireExcess = keyof WireLimits | 'unknown-field';

/**
 * Walks protobuf bytes without decoding them and tells which limit they break, if any: two bytes can stand for an empty
 * message of hundreds of bytes, so a small file could otherwise fill the memory before anyone sees its contents. Unknown
 * fields are reported too, because another reader of the same bytes may know them.
 * @throws Error when the bytes are not protobuf of this type
 */
export function wireExcess(bytes: Uint8Array, desc: DescMessage, limits: WireLimits): WireExcess | undefined {
  return new WireWalk(limits).walk(bytes, desc, 1);
}

class WireWalk {
  private messages = 0;
  private values = 0;

  constructor(private readonly limits: WireLimits) {}

  walk(bytes: Uint8Array, desc: DescMessage, depth: number): WireExcess | undefined {
    if (depth > this.limits.depth) return 'depth';
    if (++this.messages > this.limits.messages) return 'messages';
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [fieldNumber, wireType] = reader.tag();
      const field = fieldOf(desc, fieldNumber);
      if (!field) return 'unknown-field';
      this.values++;
      if (wireType === WireType.StartGroup || wireType === WireType.EndGroup) return 'unknown-field';
      if (wireType === WireType.LengthDelimited) {
        const payload = reader.bytes();
        const excess = field.message ? this.walk(payload, field.message, depth + 1) : undefined;
        if (excess) return excess;
        this.values += packedCount(payload, field);
      } else {
        reader.skip(wireType, fieldNumber);
      }
      if (this.values > this.limits.values) return 'values';
    }
    return undefined;
  }
}

const fieldsByNumber = new WeakMap<DescMessage, Map<number, DescField>>();

function fieldOf(desc: DescMessage, fieldNumber: number): DescField | undefined {
  let fields = fieldsByNumber.get(desc);
  if (!fields) {
    fields = new Map(desc.fields.map((field) => [field.number, field]));
    fieldsByNumber.set(desc, fields);
  }
  return fields.get(fieldNumber);
}

/** Elements of a packed list; any list of numbers may come packed, whatever its declaration says. */
function packedCount(payload: Uint8Array, field: DescField): number {
  if (
    field.fieldKind !== 'list' ||
    field.message ||
    field.scalar === ScalarType.STRING ||
    field.scalar === ScalarType.BYTES
  ) {
    return 0;
  }
  if (field.scalar === ScalarType.FLOAT) return payload.length / 4;
  if (field.scalar === ScalarType.DOUBLE) return payload.length / 8;
  let ends = 0;
  for (const byte of payload) if (byte < 0x80) ends++;
  return ends;
}
