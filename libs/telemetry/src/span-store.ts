/** A span that has ended, in the form sinks receive. */
export interface FinishedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly service: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly startMs: number;
  readonly endMs: number;
  readonly error: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  readonly linkedTraceIds: readonly string[];
}

/** Receives finished spans in batches. May fail: the spans are then lost, the work they describe is not. */
export interface SpanSink {
  write(spans: readonly FinishedSpan[]): Promise<void>;
}

/** Keeps a bounded number of spans and answers the console's questions. */
export interface SpanStore extends SpanSink {
  /** Spans of every trace that touched the cycle, oldest first, at most 5000. */
  byCycle(cycleId: string): readonly FinishedSpan[];
  /** Spans of one trace, oldest first, at most 5000. */
  byTrace(traceId: string): readonly FinishedSpan[];
  close(): void;
}
