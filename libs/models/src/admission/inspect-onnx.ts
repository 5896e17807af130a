import { onnx } from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import { featureNamesKey } from '../onnx/vocabulary.js';
import { parseOnnx } from './parse-onnx.js';
import { defaultAdmissionLimits } from './limits.js';

/** Type and shape of one input or output. */
export interface TensorSignature {
  readonly name: string;
  /** NumPy's name for numbers (`float32`, `int64`, …), else ONNX's in lower case; `none` when it is not a tensor. */
  readonly elementType: string;
  /** Per dimension its size, its symbolic name, or null when the file does not say; undefined when it gives no shape. */
  readonly dims: readonly (number | string | null)[] | undefined;
}

/** What an ONNX file says about itself. */
export interface OnnxSummary {
  readonly signature: { readonly inputs: readonly TensorSignature[]; readonly outputs: readonly TensorSignature[] };
  /** Names of the columns of `X`, when Rondo wrote the file or its writer kept them the same way. */
  readonly featureNames: readonly string[] | undefined;
  /** Sorted `domain.Operator` names; ONNX's own domain is written `ai.onnx`. */
  readonly operators: readonly string[];
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  readonly producer: string;
  readonly sizeBytes: number;
}

/**
 * Reads what a model file says about itself. It says nothing about whether the file may be run; that is `admitOnnx`.
 * @throws PermanentError `invalid` when the bytes are not ONNX or would cost too much to decode
 */
export function inspectOnnx(bytes: Uint8Array): OnnxSummary {
  const parsed = parseOnnx(bytes, defaultAdmissionLimits);
  if ('refused' in parsed) {
    const { message, field, value, rule, code } = parsed.refused;
    throw new PermanentError('invalid', message, {
      field,
      value,
      rule,
      reason: code.toUpperCase().replaceAll('-', '_'),
    });
  }
  return summarise(parsed.model, parsed.graph, bytes.length);
}

/** Summary of a decoded file. */
export function summarise(model: onnx.ModelProto, graph: onnx.GraphProto, sizeBytes: number): OnnxSummary {
  return {
    signature: { inputs: graph.input.map(signatureOf), outputs: graph.output.map(signatureOf) },
    featureNames: featureNamesOf(model),
    operators: [...new Set(graph.node.map(({ domain, opType }) => `${canonicalDomain(domain)}.${opType}`))].sort(),
    opsets: model.opsetImport.map(({ domain, version }) => ({
      domain: canonicalDomain(domain),
      version: Number(version),
    })),
    producer: model.producerName,
    sizeBytes,
  };
}

/** ONNX's own domain has two spellings. */
export function canonicalDomain(domain: string): string {
  return domain === '' ? 'ai.onnx' : domain;
}

/** The text kept under the feature names' key, if any. */
export function featureNamesText(model: onnx.ModelProto): string | undefined {
  return model.metadataProps.find(({ key }) => key === featureNamesKey)?.value;
}

function featureNamesOf(model: onnx.ModelProto): readonly string[] | undefined {
  const text = featureNamesText(model);
  if (text === undefined) return undefined;
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}

function signatureOf({ name, type }: onnx.ValueInfoProto): TensorSignature {
  if (type?.value.case !== 'tensorType') return { name, elementType: 'none', dims: undefined };
  const { elemType, shape } = type.value.value;
  return { name, elementType: elementTypeName(elemType), dims: shape?.dim.map(({ value }) => sizeOf(value)) };
}

function sizeOf(value: onnx.TensorShapeProto_Dimension['value']): number | string | null {
  if (value.case === 'dimValue') return Number(value.value);
  return value.case === 'dimParam' && value.value !== '' ? value.value : null;
}

function elementTypeName(elemType: number): string {
  if (elemType === onnx.TensorProto_DataType.FLOAT) return 'float32';
  if (elemType === onnx.TensorProto_DataType.DOUBLE) return 'float64';
  return (onnx.TensorProto_DataType[elemType] ?? 'unknown').toLowerCase();
}
