import { fromBinary } from '@bufbuild/protobuf';
import { onnx } from '@rondo/contracts';
import { wireExcess, type WireExcess } from '../onnx/wire-limits.js';
import { finding, type Finding } from './finding.js';

/** A decoded file, or the one reason why it is none. */
export type ParsedOnnx =
  { readonly model: onnx.ModelProto; readonly graph: onnx.GraphProto } | { readonly refused: Finding };

/** Bounds of decoding; memory use stays within about 100 bytes per value. */
export interface ParseLimits {
  readonly bytesMax: number;
  readonly valuesMax: number;
}

const messagesMax = 50_000;
/** model → graph → node → attribute → tensor → segment is 6; sub-graphs are refused by name, so they are let in here. */
const depthMax = 16;
/** Writers put fields in order, so a model starts with its ir_version and a pickle or a text with something else. */
const irVersionTag = 0x08;
const protobufRule = 'is an onnx.ModelProto in protobuf encoding';

/** Decodes an ONNX file of bounded cost; never throws for any bytes. */
export function parseOnnx(bytes: Uint8Array, { bytesMax, valuesMax }: ParseLimits): ParsedOnnx {
  if (bytes.length > bytesMax)
    return { refused: finding('too-large', 'file', bytes.length, `at most ${bytesMax} bytes`) };
  try {
    const limits = { messages: messagesMax, values: valuesMax, depth: depthMax };
    const excess = wireExcess(bytes, onnx.ModelProtoSchema, limits);
    if (excess === 'unknown-field' && bytes[0] !== irVersionTag) return { refused: notOnnx(protobufRule) };
    if (excess) return { refused: refusalOf(excess, limits) };
    const model = fromBinary(onnx.ModelProtoSchema, bytes);
    if (!model.graph || model.irVersion < 1n) return { refused: notOnnx('has an ir_version and a graph') };
    return { model, graph: model.graph };
  } catch {
    return { refused: notOnnx(protobufRule) };
  }
}

function notOnnx(rule: string): Finding {
  return finding('not-onnx', 'file', 'the file', rule);
}

function refusalOf(excess: WireExcess, limits: { messages: number; values: number; depth: number }): Finding {
  switch (excess) {
    case 'messages':
      return finding('too-many-messages', 'file', `over ${limits.messages}`, `at most ${limits.messages} messages`);
    case 'values':
      return finding('too-many-values', 'file', `over ${limits.values}`, `at most ${limits.values} values`);
    case 'depth':
      return finding('too-deep', 'file', `over ${limits.depth}`, `messages nested at most ${limits.depth} deep`);
    case 'unknown-field':
      return finding('unknown-field', 'file', 'a field that ONNX does not define', 'only fields of onnx-ml.proto');
  }
}
