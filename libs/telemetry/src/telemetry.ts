import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
  type Context,
  type Link,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace';
import { activeNode, contextOf, formatTraceparent, parseTraceparent, runWith, type ActiveNode } from './context.js';
import { Metrics, type MetricsText } from './metrics.js';
import type { ActiveSpan, Attributes, SpanOptions, Telemetry } from './ports.js';
import { KeepDecisionsSampler } from './sampler.js';
import { SinkExporter } from './sink-exporter.js';
import type { SpanSink } from './span-store.js';

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

const INHERITED = ['rondo.pipeline.name', 'rondo.cycle.id'] as const;

export interface TelemetryOptions {
  /** Name of the process or service, for example `standalone`. */
  readonly service: string;
  readonly version: string;
  /** Where finished spans go, besides OTLP. */
  readonly sinks?: readonly SpanSink[];
  /** Base URL of an OTLP/HTTP collector, as in OTEL_EXPORTER_OTLP_ENDPOINT; `/v1/traces` is added. */
  readonly otlpEndpoint?: string;
  /** Share of new traces kept, in [0, 1]; decisions, commands and cycle spans are always kept. Default 1. */
  readonly sampleRatio?: number;
  /** Adds `process_*` and `nodejs_*` metrics. Default false. */
  readonly processMetrics?: boolean;
  /** Longest time a finished span waits for its batch, in ms. Default 500. */
  readonly flushDelayMs?: number;
  /** Told when a sink refuses spans; they are lost. */
  readonly onSinkError?: (error: unknown) => void;
}

/** Telemetry of one process. */
export interface RunningTelemetry extends Telemetry {
  /** The same sinks and metrics under the name of a service of this process. */
  forService(name: string): Telemetry;
  /** Text of a scrape; OpenMetrics with exemplars when `accept` asks for it. */
  metricsText(accept?: string): Promise<MetricsText>;
  /** Hands finished spans to the sinks now. */
  flush(): Promise<void>;
  /** Flushes and stops; later spans go nowhere. */
  close(): Promise<void>;
}

/** Starts tracing and metrics; nothing global is touched, so that several may live in one process. */
export function createTelemetry(options: TelemetryOptions): RunningTelemetry {
  const processors = spanProcessors(options);
  const metrics = new Metrics({ processMetrics: options.processMetrics ?? false });
  metrics.gauge('rondo_build_info', 'Version that runs; always 1.', ['version']).set(1, { version: options.version });
  const forService = (service: string): Telemetry => {
    const provider = new TracerProvider({
      resource: resourceFromAttributes({ 'service.name': service, 'service.version': options.version }),
      sampler: new KeepDecisionsSampler(options.sampleRatio ?? 1),
      spanProcessors: [...processors],
      spanLimits: { attributeCountLimit: 64, attributeValueLengthLimit: 2048, linkCountLimit: 128 },
    });
    return new ServiceTelemetry(provider.getTracer('rondo', options.version), metrics);
  };
  const own = forService(options.service);
  return {
    span: (name, spanOptions, work) => own.span(name, spanOptions, work),
    record: (name, spanOptions) => own.record(name, spanOptions),
    current: () => own.current(),
    counter: (name, help, labels) => metrics.counter(name, help, labels),
    gauge: (name, help, labels) => metrics.gauge(name, help, labels),
    histogram: (name, help, labels, buckets) => metrics.histogram(name, help, labels, buckets),
    beforeScrape: (refresh) => metrics.beforeScrape(refresh),
    forService,
    metricsText: (accept) => metrics.text(accept),
    flush: async () => void (await Promise.all(processors.map((processor) => processor.forceFlush()))),
    close: async () => void (await Promise.all(processors.map((processor) => processor.shutdown()))),
  };
}

function spanProcessors(options: TelemetryOptions): readonly SpanProcessor[] {
  const scheduledDelayMillis = options.flushDelayMs ?? 500;
  const batch = { maxQueueSize: 8192, maxExportBatchSize: 512, scheduledDelayMillis };
  const processors = (options.sinks ?? []).map(
    (sink) => new BatchSpanProcessor({ ...batch, exporter: new SinkExporter(sink, options.onSinkError) }),
  );
  if (options.otlpEndpoint) {
    const url = `${options.otlpEndpoint.replace(/\/+$/, '')}/v1/traces`;
    processors.push(new BatchSpanProcessor({ ...batch, exporter: new OTLPTraceExporter({ url }) }));
  }
  return processors;
}

class ServiceTelemetry implements Telemetry {
  readonly #tracer: Tracer;
  readonly counter: Telemetry['counter'];
  readonly gauge: Telemetry['gauge'];
  readonly histogram: Telemetry['histogram'];
  readonly beforeScrape: Telemetry['beforeScrape'];

  constructor(tracer: Tracer, metrics: Metrics) {
    this.#tracer = tracer;
    this.counter = (name, help, labels) => metrics.counter(name, help, labels);
    this.gauge = (name, help, labels) => metrics.gauge(name, help, labels);
    this.histogram = (name, help, labels, buckets) => metrics.histogram(name, help, labels, buckets);
    this.beforeScrape = (refresh) => metrics.beforeScrape(refresh);
  }

  async span<T>(name: string, options: SpanOptions, work: (span: ActiveSpan) => Promise<T>): Promise<T> {
    const node = this.#start(name, options);
    try {
      return await runWith(node, () => work(activeSpan(node)));
    } catch (error) {
      node.span.setStatus({ code: SpanStatusCode.ERROR });
      node.span.setAttributes({ 'error.type': error instanceof Error ? error.name : typeof error });
      throw error;
    } finally {
      node.span.end();
    }
  }

  record(name: string, options: Parameters<Telemetry['record']>[1]): string {
    const { span } = this.#start(name, options, options.startMs);
    if (options.error) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(Math.max(options.startMs, options.endMs));
    return formatTraceparent(span.spanContext());
  }

  current(): string | undefined {
    const node = activeNode();
    return node && formatTraceparent(node.span.spanContext());
  }

  #start(name: string, options: SpanOptions, startTime?: number): ActiveNode {
    const remote = parseTraceparent(options.parent);
    const local = options.root || remote ? undefined : activeNode();
    const parent: Context = local
      ? trace.setSpan(ROOT_CONTEXT, local.span)
      : contextOf(options.root ? undefined : remote);
    const inherited: Record<string, string> = { ...local?.inherited };
    const node: ActiveNode = {
      inherited,
      span: this.#tracer.startSpan(
        name,
        {
          kind: KINDS[options.kind ?? 'internal'],
          links: linksOf(options.links ?? []),
          attributes: { ...inherited, ...defined(options.attributes ?? {}) },
          ...(startTime !== undefined && { startTime }),
        },
        parent,
      ),
    };
    inherit(node, options.attributes ?? {});
    return node;
  }
}

function activeSpan(node: ActiveNode): ActiveSpan {
  const context = node.span.spanContext();
  return {
    traceId: context.traceId,
    traceparent: formatTraceparent(context),
    set(attributes) {
      node.span.setAttributes(defined(attributes));
      inherit(node, attributes);
    },
    link: (traceparent) => addLinks(node.span, linksOf([traceparent])),
  };
}

const addLinks = (span: Span, links: Link[]): void => void (links.length > 0 && span.addLinks(links));

function inherit(node: ActiveNode, attributes: Attributes): void {
  for (const key of INHERITED) {
    const value = attributes[key];
    if (value !== undefined) node.inherited[key] = String(value);
  }
}

const linksOf = (traceparents: readonly string[]): Link[] =>
  traceparents.flatMap((text) => {
    const context = parseTraceparent(text);
    return context ? [{ context: { ...context, traceFlags: TraceFlags.SAMPLED } }] : [];
  });

const defined = (attributes: Attributes): Record<string, string | number | boolean> =>
  Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined),
  );
