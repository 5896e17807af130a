import type { Journal } from '@rondo/journal';

/** One finished span as the console draws it. */
export interface ShownSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly service: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly error: boolean;
  readonly attributes: { [key: string]: string };
  readonly linkedTraceIds: string[];
}

/** What lies around the control-plane in this installation. */
export interface Surroundings {
  readonly version: string;
  /** `embedded` or `distributed`. */
  readonly mode: string;
  /** Every service's journal, for the audit. */
  readonly journals: readonly { readonly service: string; readonly journal: Journal }[];
  /** Address of a trace where spans are kept elsewhere. */
  readonly traceUrl?: (traceId: string) => string;
  spans(query: { readonly cycleId: string; readonly traceId: string }): Promise<readonly ShownSpan[]>;
}

/** Injection token of {@link Surroundings}. */
export const SURROUNDINGS = Symbol('rondo.control-plane.surroundings');
