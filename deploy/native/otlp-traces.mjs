/** Spans that `collector.mjs` wrote down, as trees per trace. */
import { readFile } from 'node:fs/promises';

/**
 * @typedef {object} KeptSpan
 * @property {string} traceId
 * @property {string} spanId
 * @property {string} parentId empty for the root of a trace
 * @property {string} service
 * @property {string} name
 * @property {number} startMs since the epoch
 * @property {number} durationMs
 * @property {boolean} failed
 * @property {Record<string, string>} attributes
 * @property {{ traceId: string, spanId: string }[]} links
 */

/** Where a collector takes spans over OTLP/HTTP, and the file it keeps them in. */
export function placesOf(address) {
  const url = new URL(address);
  return { endpoint: url.origin, file: url.searchParams.get('traces') };
}

/** All spans of the file, in the order of their starts. @returns {Promise<KeptSpan[]>} */
export async function readSpans(file) {
  const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  const spans = lines.flatMap((line) =>
    (JSON.parse(line).resourceSpans ?? []).flatMap(({ resource, scopeSpans }) => {
      const service = attributesOf(resource.attributes)['service.name'];
      return scopeSpans.flatMap(({ spans }) => spans.map((span) => keptSpan(service, span)));
    }),
  );
  return spans.sort((a, b) => a.startMs - b.startMs);
}

/** Spans of the traces that belong to a cycle, by trace, in the order of their starts. @returns {Map<string, KeptSpan[]>} */
export function tracesOfCycle(spans, cycleId) {
  const wanted = new Set(
    spans.filter(({ attributes }) => attributes['rondo.cycle.id'] === cycleId).map((s) => s.traceId),
  );
  return grouped(
    spans.filter(({ traceId }) => wanted.has(traceId)),
    ({ traceId }) => traceId,
  );
}

/** One trace as lines: who, what, how long, indented below its parent. A span whose parent is not in the file stands at the left. */
export function treeOf(trace) {
  const known = new Set(trace.map(({ spanId }) => spanId));
  const children = grouped(trace, ({ parentId }) => (known.has(parentId) ? parentId : ''));
  const lines = (parentId, depth) =>
    (children.get(parentId) ?? []).flatMap((span) => [lineOf(span, depth), ...lines(span.spanId, depth + 1)]);
  return lines('', 0);
}

function lineOf({ service, name, durationMs, failed, links }, depth) {
  const linked = links.length === 0 ? '' : `  after ${links.map(({ traceId }) => traceId.slice(0, 8)).join(', ')}`;
  const took = `${durationMs.toFixed(durationMs < 10 ? 1 : 0)} ms`.padStart(10);
  return `${took}  ${'  '.repeat(depth)}${service}: ${name}${failed ? '  FAILED' : ''}${linked}`;
}

/** `Map.groupBy`, which Node 20 does not have. */
function grouped(spans, keyOf) {
  const groups = new Map();
  for (const span of spans) {
    const key = keyOf(span);
    const group = groups.get(key);
    if (group) group.push(span);
    else groups.set(key, [span]);
  }
  return groups;
}

function keptSpan(service, span) {
  const startMs = Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000;
  const endMs = Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentId: span.parentSpanId ?? '',
    service,
    name: span.name,
    startMs,
    durationMs: endMs - startMs,
    failed: span.status?.code === 2,
    attributes: attributesOf(span.attributes),
    links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId, spanId })),
  };
}

function attributesOf(attributes = []) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}
