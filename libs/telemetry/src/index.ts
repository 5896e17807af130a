export type * from './ports.js';
export { createTelemetry, type RunningTelemetry, type TelemetryOptions } from './telemetry.js';
export { createLogger, describeError, type LoggerOptions, type LogLevel } from './logger.js';
export { type MetricsText } from './metrics.js';
export { type FinishedSpan, type SpanSink, type SpanStore } from './span-store.js';
export { SqliteSpanStore } from './sqlite-span-store.js';
export { ATTRIBUTES, METRICS, SPANS, telemetryDocument, type MetricName } from './names.js';
