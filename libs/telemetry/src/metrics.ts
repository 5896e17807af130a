import { assert } from '@rondo/kernel';
import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type OpenMetricsContentType,
  type PrometheusContentType,
} from 'prom-client';
import { activeNode } from './context.js';
import type { Telemetry } from './ports.js';

type AnyRegistry = Registry<PrometheusContentType | OpenMetricsContentType>;
type Meters = Pick<Telemetry, 'counter' | 'gauge' | 'histogram' | 'beforeScrape'>;

/** Text of a scrape. */
export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/** Series one metric may have; values beyond it are counted under `other`, so that no caller can exhaust the memory. */
const SERIES_MAX = 1000;

/** Metrics of one process: services that ask for the same name share it. */
export class Metrics implements Meters {
  readonly #registry = new Registry() as AnyRegistry;
  readonly #known = new Map<string, { readonly kind: string; readonly labels: string; readonly meter: unknown }>();
  readonly #refreshers = new Set<() => Promise<void>>();
  #scrape: Promise<unknown> = Promise.resolve();

  /** @param options.processMetrics adds `process_*` and `nodejs_*` */
  constructor(options: { readonly processMetrics?: boolean } = {}) {
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    if (options.processMetrics) collectDefaultMetrics({ register: this.#registry as Registry });
  }

  counter(name: string, help: string, labels: readonly string[]): ReturnType<Meters['counter']> {
    assert(name.endsWith('_total'), `counter ${name} must end in _total`);
    return this.#once('counter', name, labels, () => {
      const meter = new Counter({ name, help, labelNames: [...labels], registers: [this.#registry] });
      const bounded = boundedLabels();
      return { add: (value: number, given: Record<string, string>) => meter.inc(bounded(given), value) };
    });
  }

  gauge(name: string, help: string, labels: readonly string[]): ReturnType<Meters['gauge']> {
    return this.#once('gauge', name, labels, () => {
      const meter = new Gauge({ name, help, labelNames: [...labels], registers: [this.#registry] });
      const bounded = boundedLabels();
      return { set: (value: number, given: Record<string, string>) => meter.set(bounded(given), value) };
    });
  }

  histogram(
    name: string,
    help: string,
    labels: readonly string[],
    buckets: readonly number[],
  ): ReturnType<Meters['histogram']> {
    return this.#once('histogram', name, labels, () => {
      const meter = new Histogram({
        name,
        help,
        labelNames: [...labels],
        buckets: [...buckets],
        enableExemplars: true,
        registers: [this.#registry],
      });
      const bounded = boundedLabels();
      return {
        observe: (value: number, given: Record<string, string>) => {
          const context = activeNode()?.span.spanContext();
          const exemplarLabels = context ? { trace_id: context.traceId, span_id: context.spanId } : {};
          meter.observe({ labels: bounded(given), value, exemplarLabels } as never);
        },
      };
    });
  }

  beforeScrape(refresh: () => Promise<void>): () => void {
    this.#refreshers.add(refresh);
    return () => void this.#refreshers.delete(refresh);
  }

  /** OpenMetrics with exemplars when `accept` asks for it, Prometheus text otherwise. */
  text(accept = ''): Promise<MetricsText> {
    const contentType = accept.includes('application/openmetrics-text')
      ? Registry.OPENMETRICS_CONTENT_TYPE
      : Registry.PROMETHEUS_CONTENT_TYPE;
    // The format is a property of the registry: scrapes take turns.
    const scrape = this.#scrape.then(async () => {
      await Promise.all([...this.#refreshers].map((refresh) => refresh()));
      this.#registry.setContentType(contentType);
      try {
        return { contentType, body: await this.#registry.metrics() };
      } finally {
        this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
      }
    });
    this.#scrape = scrape.catch(() => undefined);
    return scrape;
  }

  #once<M>(kind: string, name: string, labels: readonly string[], create: () => M): M {
    assert(/^rondo_[a-z0-9_]+$/.test(name), `metric ${name} must be rondo_ and lower case`);
    const key = labels.join();
    const known = this.#known.get(name);
    if (known) {
      assert(
        known.kind === kind && known.labels === key,
        `metric ${name} is a ${known.kind} with labels [${known.labels}], not a ${kind} with [${key}]`,
      );
      return known.meter as M;
    }
    const meter = create();
    this.#known.set(name, { kind, labels: key, meter });
    return meter;
  }
}

function boundedLabels(): (given: Record<string, string>) => Record<string, string> {
  const seen = new Set<string>();
  return (given) => {
    const key = JSON.stringify(Object.values(given));
    if (seen.has(key)) return given;
    if (seen.size >= SERIES_MAX) return Object.fromEntries(Object.keys(given).map((label) => [label, 'other']));
    seen.add(key);
    return given;
  };
}
