#!/usr/bin/env node
/**
 * Updates per second of the stream detectors, on a stream of errors at 10 %, and KSWIN on continuous values too; beside River when
 * RONDO_BENCH_PYTHON names a Python that has it. Build first (`npx tsc -b libs/statistics`), then `node bench/detectors.mjs`. Prints a
 * markdown table; seconds are of CPU, the best of three rounds.
 */
import { spawnSync } from 'node:child_process';
import { seededRandom } from '../libs/kernel/dist/index.js';
import * as statistics from '../libs/statistics/dist/index.js';

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
/** The same stream through River; undefined without a Python that has it. */
function river(call, count, values) {
  const python = process.env.RONDO_BENCH_PYTHON;
  if (!python) return undefined;
  const script = `
import time
from river import drift
stream = ${JSON.stringify([...values.subarray(0, count)])}
best = 1e9
for _ in range(2):
    d = ${call}
    began = time.process_time()
    for x in stream: d.update(x)
    best = min(best, time.process_time() - began)
print(${count} / best)
`;
  const { stdout, status } = spawnSync(python, ['-'], { encoding: 'utf8', input: script });
  return status === 0 ? Number(stdout) : undefined;
}
console.log('| detector | updates per second of CPU | River | ratio |\n|---|---|---|---|');
for (const [name, [make, call, values = stream]] of Object.entries(detectors)) {
  const own = perSecond(make, values);
  const peer = river(call, name.startsWith('KSWIN') ? 3_000 : 100_000, values);
  console.log(
    `| ${name} | ${Math.round(own).toLocaleString('en')} | ${peer ? Math.round(peer).toLocaleString('en') : 'not measured'} | ${peer ? (own / peer).toFixed(1) : ''} |`,
  );
}
