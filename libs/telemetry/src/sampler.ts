import { trace, TraceFlags, type Context } from '@opentelemetry/api';
import {
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SamplingResult,
} from '@opentelemetry/sdk-trace';

/** Spans that are always kept: what people ask about afterwards. */
const ALWAYS = /^(RUN |phase |decide |rondo\.)/;

/** A child follows its parent; a new trace is kept when its name matters, else by the ratio of its trace id. */
export class KeepDecisionsSampler implements Sampler {
  readonly #ratio: TraceIdRatioBasedSampler;

  constructor(ratio: number) {
    this.#ratio = new TraceIdRatioBasedSampler(ratio);
  }

  shouldSample(context: Context, traceId: string, spanName: string): SamplingResult {
    const keep = { decision: SamplingDecision.RECORD_AND_SAMPLED };
    const parent = trace.getSpanContext(context);
    if (ALWAYS.test(spanName)) return keep;
    if (parent) return parent.traceFlags & TraceFlags.SAMPLED ? keep : { decision: SamplingDecision.NOT_RECORD };
    return this.#ratio.shouldSample(context, traceId);
  }

  toString(): string {
    return `KeepDecisions{${this.#ratio.toString()}}`;
  }
}
