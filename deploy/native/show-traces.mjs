#!/usr/bin/env node
/**
 * Prints the traces of a cycle, from the file that the collector of `services.mjs --traces` keeps. Each command, each handled message
 * and each attempt of a phase is a trace of its own; `after` names the traces it continues.
 * Usage: node deploy/native/show-traces.mjs FILE [CYCLE]   without CYCLE the newest one
 */
import { readSpans, tracesOfCycle, treeOf } from './otlp-traces.mjs';

const [file, asked] = process.argv.slice(2);
if (!file) {
  console.error('usage: show-traces.mjs FILE [CYCLE]');
  process.exit(64);
}
const spans = await readSpans(file);
const cycleId = asked ?? spans.findLast(({ attributes }) => attributes['rondo.cycle.id'])?.attributes['rondo.cycle.id'];
const traces = cycleId === undefined ? new Map() : tracesOfCycle(spans, cycleId);
if (traces.size === 0) {
  console.error(asked ? `${file} holds no span of cycle ${asked}` : `${file} holds no cycle yet`);
  process.exit(1);
}
console.log(`cycle ${cycleId}: ${traces.size} traces`);
for (const [traceId, trace] of traces) {
  const at = new Date(trace[0].startMs).toISOString().slice(11, 23);
  console.log(`\n${at}  trace ${traceId}`);
  for (const line of treeOf(trace)) console.log(line);
}
