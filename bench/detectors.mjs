#!/usr/bin/env node
/**
 * Updates per second of the stream detectors, on a stream of errors at 10 %, and KSWIN on continuous values too; with `--peers` beside
 * River, which is installed once and needs python3.11 and PyPI. Build first (`npx tsc -b libs/statistics`), then
 * `node bench/detectors.mjs [--peers]`. Prints a markdown table; seconds are of CPU, the best of three rounds.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '../libs/kernel/dist/index.js';
import * as statistics from '../libs/statistics/dist/index.js';
import { measurePeer } from './peers/python.mjs';

const { peers: withPeers } = parseArgs({ options: { peers: { type: 'boolean', default: false } } }).values;

const VALUES = 1_000_000;
const stream = Float64Array.from({ length: VALUES }, (_, i) => ((Math.imul(i, 2654435761) >>> 0) % 1000 < 100 ? 1 : 0));
const random = seededRandom(1);
const continuous = Float64Array.from({ length: VALUES }, () => random.next());
const kswin = () => new statistics.KswinDetector({ level: 0.0001, alarmOn: 'change' });
const detectors = {
  ADWIN: [() => new statistics.AdwinDetector({ alarmOn: 'change' }), 'drift.ADWIN()'],
  DDM: [() => new statistics.DdmDetector(), 'drift.binary.DDM()'],
  EDDM: [() => new statistics.EddmDetector(), 'drift.binary.EDDM()'],
  'HDDM-A': [() => new statistics.HddmADetector(), 'drift.binary.HDDMA()'],
  'HDDM-W': [() => new statistics.HddmWDetector(), 'drift.binary.HDDMW()'],
  KSWIN: [kswin, 'drift.KSWIN(alpha=0.0001)'],
  'KSWIN, continuous values': [kswin, 'drift.KSWIN(alpha=0.0001)', continuous],
  'Page-Hinkley': [
    () => new statistics.PageHinkleyDetector({ tolerance: 0.005, threshold: 50, fading: 0.9999 }),
    'drift.PageHinkley()',
  ],
};
const perSecond = (make, values) => {
  let least = Infinity;
  for (let round = 0; round < 3; round++) {
    const detector = make();
    const began = process.cpuUsage().user;
    for (let i = 0; i < VALUES; i++) detector.update(values[i]);
    least = Math.min(least, process.cpuUsage().user - began);
  }
  return (VALUES / least) * 1e6;
};
/** The same values through River: its updates per second of CPU. */
async function river(call, stream) {
  const folder = await mkdtemp(join(tmpdir(), 'rondo-bench-'));
  try {
    await writeFile(join(folder, 'stream.bin'), stream);
    const { updates, cpuMs } = measurePeer('statistics', 'library_tasks', [folder, 'detector', `lambda: ${call}`]);
    return (updates / cpuMs) * 1000;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
console.log('| detector | updates per second of CPU | River | ratio |\n|---|---|---|---|');
for (const [name, [make, call, values = stream]] of Object.entries(detectors)) {
  const own = perSecond(make, values);
  const peer = withPeers && (await river(call, values.subarray(0, name.startsWith('KSWIN') ? 3_000 : 100_000)));
  console.log(
    `| ${name} | ${Math.round(own).toLocaleString('en')} | ${peer ? Math.round(peer).toLocaleString('en') : 'not measured'} | ${peer ? (own / peer).toFixed(1) : ''} |`,
  );
}
