import type { ActiveSpan, Logger, SpanOptions, Telemetry } from '@rondo/telemetry';

/** A span that a spec may look at. */
export interface RecordedSpan {
  readonly name: string;
  readonly options: SpanOptions;
  failed: boolean;
}

/** Telemetry that exports nothing and keeps spans and counts for the spec to look at. */
export class SilentTelemetry implements Telemetry {
  readonly spans: RecordedSpan[] = [];
  /** What counters came to, over all their labels. */
  readonly counted = new Map<string, number>();
  #active: string | undefined;
  #count = 0;

  async span<T>(name: string, options: SpanOptions, work: (span: ActiveSpan) => Promise<T>): Promise<T> {
    const recorded: RecordedSpan = { name, options, failed: false };
    this.spans.push(recorded);
    const traceId = options.parent?.split('-')[1] ?? this.#hex(32);
    const traceparent = `00-${traceId}-${this.#hex(16)}-01`;
    // Specs run handlers of different keys side by side, so what is "active" is only right for code before the first await.
    this.#active = traceparent;
    try {
      const result = work({ traceparent, traceId, set: () => undefined, link: () => undefined });
      this.#active = undefined;
      return await result;
    } catch (error) {
      recorded.failed = true;
      throw error;
    }
  }

  record(name: string, options: SpanOptions & { readonly error?: boolean }): string {
    this.spans.push({ name, options, failed: options.error ?? false });
    return `00-${options.parent?.split('-')[1] ?? this.#hex(32)}-${this.#hex(16)}-01`;
  }

  current(): string | undefined {
    return this.#active;
  }

  readonly counter = (name: string): { add(by: number): void } => ({
    add: (by) => void this.counted.set(name, (this.counted.get(name) ?? 0) + by),
  });

  gauge(): { set(): void } {
    return { set: () => undefined };
  }

  histogram(): { observe(): void } {
    return { observe: () => undefined };
  }

  beforeScrape(): () => void {
    return () => undefined;
  }

  #hex(digits: number): string {
    return (++this.#count).toString(16).padStart(digits, '0');
  }
}

/** A line of a log kept in memory. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly error?: unknown;
}

/** A log that keeps its lines for the spec to look at. */
export class MemoryLogger implements Logger {
  readonly lines: LogLine[];

  constructor(lines: LogLine[] = []) {
    this.lines = lines;
  }

  debug(message: string): void {
    this.lines.push({ level: 'debug', message });
  }

  info(message: string): void {
    this.lines.push({ level: 'info', message });
  }

  warn(message: string): void {
    this.lines.push({ level: 'warn', message });
  }

  error(message: string, _fields?: unknown, error?: unknown): void {
    this.lines.push({ level: 'error', message, error });
  }

  child(): Logger {
    return new MemoryLogger(this.lines);
  }
}
