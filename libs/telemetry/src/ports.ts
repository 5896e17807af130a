/** Values that may stand on spans and log lines. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A unit of observed work. */
export interface ActiveSpan {
  /** W3C `traceparent` of this span, to be carried on. */
  readonly traceparent: string;
  readonly traceId: string;
  set(attributes: Attributes): void;
  /** Links another trace (its traceparent) as a cause. */
  link(traceparent: string): void;
}

export interface SpanOptions {
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  /** traceparent of the parent; without it the active span is the parent, else a new trace begins. */
  readonly parent?: string;
  /** Starts a new trace even when a span is active. */
  readonly root?: boolean;
  readonly links?: readonly string[];
  readonly attributes?: Attributes;
}

/** Tracing and metrics of one service. */
export interface Telemetry {
  /** Runs `work` inside a span; an exception marks it as failed and is rethrown. */
  span<T>(name: string, options: SpanOptions, work: (span: ActiveSpan) => Promise<T>): Promise<T>;
  /** Records a span that already happened (phases of a cycle, for example) and returns its `traceparent`. */
  record(
    name: string,
    options: SpanOptions & { readonly startMs: number; readonly endMs: number; readonly error?: boolean },
  ): string;
  /** traceparent of the active span, when there is one. */
  current(): string | undefined;
  counter(
    name: string,
    help: string,
    labels: readonly string[],
  ): { add(value: number, labels: Record<string, string>): void };
  gauge(
    name: string,
    help: string,
    labels: readonly string[],
  ): { set(value: number, labels: Record<string, string>): void };
  /** Buckets in seconds. */
  histogram(
    name: string,
    help: string,
    labels: readonly string[],
    buckets: readonly number[],
  ): { observe(value: number, labels: Record<string, string>): void };
  /**
   * Has `refresh` run before each scrape, for gauges whose value must be asked for (a backlog, an age). It must not reject.
   * The result takes it back.
   */
  beforeScrape(refresh: () => Promise<void>): () => void;
}

/** Structured log; each line carries the active trace id. */
export interface Logger {
  debug(message: string, fields?: Attributes): void;
  info(message: string, fields?: Attributes): void;
  warn(message: string, fields?: Attributes): void;
  error(message: string, fields?: Attributes & { readonly cause?: never }, error?: unknown): void;
  child(fields: Attributes): Logger;
}
