import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT, trace, TraceFlags, type Context, type Span, type SpanContext } from '@opentelemetry/api';

/** The active span and what its children inherit. */
export interface ActiveNode {
  readonly span: Span;
  /** `rondo.pipeline.name` and `rondo.cycle.id`, once known. */
  readonly inherited: Record<string, string>;
}

const storage = new AsyncLocalStorage<ActiveNode | undefined>();

/** The node of the running asynchronous call, when it is inside a span. */
export const activeNode = (): ActiveNode | undefined => storage.getStore();

/** Runs `work` with `node` as the active one. */
export const runWith = <T>(node: ActiveNode, work: () => T): T => storage.run(node, work);

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Reads a W3C traceparent (version 00); anything else gives undefined, as the recommendation demands of receivers. */
export function parseTraceparent(text: string | undefined): SpanContext | undefined {
  const match = text === undefined ? null : TRACEPARENT.exec(text);
  if (!match || /^0+$/.test(match[1]!) || /^0+$/.test(match[2]!)) return undefined;
  return {
    traceId: match[1]!,
    spanId: match[2]!,
    traceFlags: Number.parseInt(match[3]!, 16) & TraceFlags.SAMPLED,
    isRemote: true,
  };
}

/** Writes a span context as W3C traceparent. */
export function formatTraceparent(context: SpanContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, '0')}`;
}

/** Context whose current span is the remote one named, or the empty context. */
export function contextOf(parent: SpanContext | undefined): Context {
  return parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}
