import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Estimate, EstimateSchema } from '@rondo/contracts';
import type { EstimateValue } from './domain/model-reference.js';

/** An estimate as others are told. */
export function estimateTo(estimate: EstimateValue): MessageInitShape<typeof EstimateSchema> {
  return { ...estimate, n: BigInt(Math.round(estimate.n)) };
}

/** An estimate that others told. */
export function estimateFrom(estimate: Estimate): EstimateValue {
  const { name, value, lower, upper, confidence, slice, method, limit } = estimate;
  return {
    name,
    value,
    ...(lower !== undefined && { lower }),
    ...(upper !== undefined && { upper }),
    confidence,
    n: Number(estimate.n),
    slice,
    method,
    ...(limit !== undefined && { limit }),
  };
}
