import { onnx } from '@rondo/contracts';
import { finding, type Finding } from './finding.js';

const { TensorProto_DataType: DataType } = onnx;

/** Bytes per element in `raw_data`, and the list that holds the elements otherwise. */
const storage = new Map<
  number,
  { readonly bytes: number; readonly list: (tensor: onnx.TensorProto) => ArrayLike<unknown> }
>([
  [DataType.FLOAT, { bytes: 4, list: (tensor) => tensor.floatData }],
  [DataType.DOUBLE, { bytes: 8, list: (tensor) => tensor.doubleData }],
  [DataType.INT64, { bytes: 8, list: (tensor) => tensor.int64Data }],
  [DataType.UINT64, { bytes: 8, list: (tensor) => tensor.uint64Data }],
  [DataType.UINT32, { bytes: 4, list: (tensor) => tensor.uint64Data }],
  [DataType.INT32, { bytes: 4, list: (tensor) => tensor.int32Data }],
  [DataType.INT16, { bytes: 2, list: (tensor) => tensor.int32Data }],
  [DataType.UINT16, { bytes: 2, list: (tensor) => tensor.int32Data }],
  [DataType.INT8, { bytes: 1, list: (tensor) => tensor.int32Data }],
  [DataType.UINT8, { bytes: 1, list: (tensor) => tensor.int32Data }],
  [DataType.BOOL, { bytes: 1, list: (tensor) => tensor.int32Data }],
  [DataType.STRING, { bytes: 0, list: (tensor) => tensor.stringData }],
]);

/**
 * Refuses tensors that point outside the file or whose shape and contents differ. Any mention of a place outside counts,
 * whatever `data_location` says: readers have differed on which of the two they obey (CVE-2024-27318, CVE-2026-27489).
 */
export function tensorFindings(tensor: onnx.TensorProto, field: string): Finding[] {
  if (tensor.dataLocation !== onnx.TensorProto_DataLocation.DEFAULT || tensor.externalData.length > 0) {
    const target = tensor.externalData.find(({ key }) => key === 'location')?.value ?? 'EXTERNAL';
    return [finding('external-data', `${field}.external_data`, target, 'all data inside the file')];
  }
  if (tensor.segment) return [finding('tensor-mismatch', `${field}.segment`, 'a segment', 'tensors come in one piece')];
  const kind = storage.get(tensor.dataType);
  if (!kind) {
    return [
      finding('tensor-mismatch', `${field}.data_type`, tensor.dataType, 'a number, boolean or text type of ONNX'),
    ];
  }
  const elements = elementCount(tensor.dims);
  const held =
    tensor.rawData.length > 0 && kind.bytes > 0 ? tensor.rawData.length / kind.bytes : kind.list(tensor).length;
  if (elements === held) return [];
  const found = `[${tensor.dims.join(', ')}] with ${held} elements`;
  return [
    finding(
      'tensor-mismatch',
      `${field}.dims`,
      found,
      'non-negative dimensions whose product is the number of elements',
    ),
  ];
}

/** Product of the dimensions, NaN for a negative one or one too many. */
function elementCount(dims: readonly bigint[]): number {
  if (dims.length > 8 || dims.some((dim) => dim < 0n)) return NaN;
  return Number(dims.reduce((product, dim) => product * dim, 1n));
}
