import { SpanKind, SpanStatusCode, type HrTime } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import type { FinishedSpan, SpanSink } from './span-store.js';

type ResultCallback = Parameters<SpanExporter['export']>[1];

const KIND_NAMES: Readonly<Record<SpanKind, FinishedSpan['kind']>> = {
  [SpanKind.INTERNAL]: 'internal',
  [SpanKind.SERVER]: 'server',
  [SpanKind.CLIENT]: 'client',
  [SpanKind.PRODUCER]: 'producer',
  [SpanKind.CONSUMER]: 'consumer',
};

/** Result codes of @opentelemetry/core, which is not a dependency of ours. */
const SUCCESS = 0;
const FAILED = 1;

/** Hands spans of the SDK to a sink. */
export class SinkExporter implements SpanExporter {
  readonly #sink: SpanSink;
  readonly #onError: (error: unknown) => void;

  constructor(sink: SpanSink, onError: (error: unknown) => void = () => undefined) {
    this.#sink = sink;
    this.#onError = onError;
  }

  export(spans: ReadableSpan[], done: ResultCallback): void {
    this.#sink.write(spans.map(finishedSpan)).then(
      () => done({ code: SUCCESS }),
      (error: unknown) => {
        this.#onError(error);
        done({ code: FAILED });
      },
    );
  }

  async shutdown(): Promise<void> {}
}

const milliseconds = (time: HrTime): number => time[0] * 1000 + time[1] / 1e6;

function finishedSpan(span: ReadableSpan): FinishedSpan {
  const context = span.spanContext();
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(span.parentSpanContext && { parentSpanId: span.parentSpanContext.spanId }),
    name: span.name,
    service: String(span.resource.attributes['service.name']),
    kind: KIND_NAMES[span.kind],
    startMs: milliseconds(span.startTime),
    endMs: milliseconds(span.endTime),
    error: span.status.code === SpanStatusCode.ERROR,
    attributes: Object.fromEntries(Object.entries(span.attributes).map(([key, value]) => [key, String(value)])),
    linkedTraceIds: [...new Set(span.links.map((link) => link.context.traceId))],
  };
}
