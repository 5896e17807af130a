#!/usr/bin/env node
/**
 * Runs every statistic that takes rows on ten million of them, each in a process of its own with a small heap, where an
 * array of rows as arguments, a boxed copy, a recursion or a loop in a loop would end it. Build first
 * (`npx tsc -b libs/statistics`), then `node bench/rows.mjs [part of a name]`. Prints seconds of CPU and the peak of the process's
 * memory, inputs included; ends with code 1 when one fails or takes more than stated. A refusal must be a typed error.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '../libs/kernel/dist/index.js';
import * as s from '../libs/statistics/dist/index.js';

const ROWS = 10_000_000;
const HEAP_MB = 256;
const PEAK_MB_MAX = 1_200;
const SECONDS_MAX = 120;

const random = seededRandom(1);
const filled = (Type, draw) => {
  const values = new Type(ROWS);
  for (let row = 0; row < ROWS; row++) values[row] = draw(row);
  return values;
};
const uniform = () => filled(Float64Array, () => random.next());
const ascending = () => uniform().sort();
const coarse = () => filled(Float32Array, () => random.int(1000) / 1000);
const labels = () => filled(Uint8Array, () => random.int(2));
const scores = () => filled(Float32Array, () => random.next());
const groups = (n) => filled(Uint8Array, () => random.int(n));
const binned = () => {
  const reference = uniform();
  const edges = s.quantileEdges(reference, 10);
  return [s.binCounts(reference, edges), s.binCounts(uniform(), edges)];
};
/** The thing a label is of: so many labels each. */
const units = (labelsEach) => filled(Uint32Array, (row) => Math.floor(row / labelsEach));
/** Labels of annotators who are right four times in five. */
const given = (labelsEach) => ({
  items: units(labelsEach),
  annotators: filled(Uint8Array, (row) => row % labelsEach),
  values: filled(Uint8Array, (row) => (Math.floor(row / labelsEach) + Number(random.next() < 0.2)) % 2),
});
const times = (lag) => filled(Float64Array, (row) => row + lag);
const replicates = { seed: 1, replicates: 100 };

const tasks = {
  ksTwoSample: () => s.ksTwoSample(uniform(), uniform()),
  'ksTwoSample, ties': () => s.ksTwoSample(coarse(), coarse()),
  ksTwoSampleSorted: () => s.ksTwoSampleSorted(ascending(), ascending()),
  mannWhitney: () => s.mannWhitney(uniform(), coarse()),
  'mannWhitney, all values equal': () => s.mannWhitney(new Float64Array(ROWS), new Float64Array(ROWS)),
  andersonDarling: () => s.andersonDarling([uniform(), uniform()]),
  cramerVonMises: () => s.cramerVonMises(uniform(), uniform()),
  wasserstein1: () => s.wasserstein1(uniform(), uniform()),
  energyDistance: () => s.energyDistance(uniform(), uniform()),
  'quantileEdges, binCounts, psi': () => s.psi(...binned()),
  'jensenShannonInterval of bins': () => s.jensenShannonInterval(...binned()),
  'countCells, tailsBeyond': () => [
    s.countCells(
      uniform(),
      Float64Array.from({ length: 5000 }, (_, i) => i / 5000),
    ).rows,
    s.tailsBeyond(uniform(), 0.1, 0.9),
  ],
  mmdTest: () =>
    s.mmdTest({ values: uniform(), columns: 2 }, { values: uniform(), columns: 2 }, { seed: 1, permutations: 50 }),
  domainClassifier: () =>
    s.domainClassifier({ values: uniform(), columns: 2 }, { values: uniform(), columns: 2 }, { seed: 1 }),
  logLoss: () => s.logLoss(labels(), scores()),
  logLossPerRow: () => s.logLossPerRow(labels(), scores()).length,
  brierScoreLoss: () => s.brierScoreLoss(labels(), scores()),
  confusionCounts: () => s.confusionCounts(labels(), scores(), 0.5),
  rocAuc: () => s.rocAuc(labels(), scores()),
  prAuc: () => s.prAuc(labels(), scores()),
  prAucInterval: () => s.prAucInterval(labels(), scores()),
  delongInterval: () => s.delongInterval(labels(), scores()),
  delongPaired: () => s.delongPaired(labels(), scores(), scores()),
  'delongPaired, ties': () => s.delongPaired(labels(), coarse(), coarse()),
  expectedCalibrationError: () => s.expectedCalibrationError(labels(), scores()),
  reliabilityCurve: () => s.reliabilityCurve(labels(), scores()),
  calibrationLine: () => s.calibrationLine(labels(), scores()),
  classificationEstimates: () => s.classificationEstimates(labels(), scores()),
  'estimatePerformance (CBPE)': () => s.estimatePerformance(scores(), { threshold: 0.5 }),
  regressionEstimates: () => s.regressionEstimates(uniform(), uniform()),
  multiclassAuc: () => s.multiclassAuc(labels(), { probabilities: new Float32Array(2 * ROWS).fill(0.5), classes: 2 }),
  bootstrapAuc: () => s.bootstrapAuc(labels(), scores(), replicates),
  bootstrapAucDifference: () => s.bootstrapAucDifference(labels(), scores(), scores(), replicates),
  bootstrapMeanDifference: () => s.bootstrapMeanDifference(uniform(), replicates),
  'bootstrapMeanDifference, clusters': () =>
    s.bootstrapMeanDifference(uniform(), {
      ...replicates,
      clusters: filled(Uint32Array, (row) => row >> 1),
    }),
  pairedBootstrap: () => s.pairedBootstrap(ROWS, (counts) => counts[0] + counts[ROWS - 1], replicates),
  'bootstrapMeanDifference, strata': () => s.bootstrapMeanDifference(uniform(), { ...replicates, strata: groups(10) }),
  pairedMeanDifference: () => s.pairedMeanDifference(uniform()),
  'pairedMeanDifference, clusters': () =>
    s.pairedMeanDifference(uniform(), { clusters: filled(Uint32Array, (row) => row >> 1) }),
  fairnessGaps: () => s.fairnessGaps({ labels: labels(), scores: scores(), groups: groups(10), threshold: 0.5 }),
  sliceFeature: () => s.sliceFeature('x', uniform()).values,
  searchSlices: () =>
    s.searchSlices([s.sliceFeature('x', groups(8)), s.sliceFeature('y', groups(8))], uniform(), { against: 'rest' }),
  labelMaturity: () => s.labelMaturity(uniform(), labels(), { age: 0.5, share: 0.9 }),
  leastConfidenceScore: () =>
    s.leastConfidenceScore({ probabilities: new Float32Array(2 * ROWS).fill(0.5), classes: 2 }).length,
  marginUncertaintyScore: () =>
    s.marginUncertaintyScore({ probabilities: new Float32Array(2 * ROWS).fill(0.5), classes: 2 }).length,
  entropyScore: () => s.entropyScore({ probabilities: new Float32Array(2 * ROWS).fill(0.5), classes: 2 }).length,
  committeeDisagreement: () =>
    s.committeeDisagreement({ probabilities: new Float32Array(4 * ROWS).fill(0.5), members: 2, classes: 2 }).length,
  hybridQueue: () => s.hybridQueue({ uncertainty: uniform(), draws: uniform() }, { count: 1_000, controlShare: 0.1 }),
  labelIssues: () => s.labelIssues(labels(), { probabilities: new Float32Array(2 * ROWS).fill(0.5), classes: 2 }),
  cohenKappa: () => s.cohenKappa(labels(), labels()),
  'krippendorffInterval, nominal': () => s.krippendorffInterval(units(2), labels(), 'nominal'),
  'krippendorffInterval, ordinal': () => s.krippendorffInterval(units(2), groups(5), 'ordinal'),
  agreementVerdict: () => s.agreementVerdict(units(2), labels(), 0.8),
  fleissKappa: () => s.fleissKappa(units(2), labels()),
  gwetAgreement: () => s.gwetAgreement(units(2), labels()),
  'inferTruth, majority of 2': () => s.inferTruth(given(2)).method,
  'inferTruth, model of 5': () => s.inferTruth(given(5)).method,
  stratifiedFolds: () => s.stratifiedFolds(labels(), { folds: 5, seed: 1 }).length,
  groupFolds: () => s.groupFolds(groups(200), { folds: 5 }).length,
  'groupFolds, a million groups': () => s.groupFolds(units(10), { folds: 5 }).length,
  purgedFolds: () => s.purgedFolds({ startMs: times(0), endMs: times(5), folds: 5 }).length,
  groupTimeFolds: () => s.groupTimeFolds({ timeMs: times(0), groups: groups(200), folds: 5 }).length,
  seriesDifference: () => s.seriesDifference(uniform(), uniform()),
  kayentaJudge: () => s.kayentaJudge({ baseline: uniform(), canary: uniform() }),
  'kayentaJudge, ties': () => s.kayentaJudge({ baseline: coarse(), canary: coarse(), effectSize: 'cles' }),
};

const wanted = process.argv[2] ?? '';
if (wanted.startsWith('only=')) {
  const run = tasks[wanted.slice('only='.length)];
  let refused;
  try {
    run();
  } catch (error) {
    if (error.code !== 'invalid' || error.detail?.field === undefined) throw error;
    refused = error.message;
  }
  const { user, system } = process.cpuUsage();
  const seconds = (user + system) / 1e6;
  console.log(JSON.stringify({ seconds, peakMb: process.resourceUsage().maxRSS / 1024, refused }));
} else {
  let failed = 0;
  for (const name of Object.keys(tasks).filter((task) => task.includes(wanted))) {
    const args = [`--max-old-space-size=${HEAP_MB}`, fileURLToPath(import.meta.url), `only=${name}`];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    const { seconds, peakMb, refused } = status === 0 ? JSON.parse(stdout) : {};
    const kept = status === 0 && peakMb <= PEAK_MB_MAX && seconds <= SECONDS_MAX;
    if (!kept) failed++;
    const reason = /(\w*Error[^\n]*|heap out of memory)/.exec(stderr)?.[0] ?? '';
    const what = status === 0 ? `${seconds.toFixed(1).padStart(6)} s  ${Math.round(peakMb)} MB` : `failed: ${reason}`;
    console.log(
      `${kept ? 'ok  ' : 'MISS'} ${name.padEnd(36)} ${what}${refused === undefined ? '' : `  refused: ${refused}`}`,
    );
  }
  console.log(
    `limits: ${PEAK_MB_MAX} MB with the inputs, ${SECONDS_MAX} s of CPU, ${HEAP_MB} MB of heap; ${ROWS.toLocaleString('en')} rows`,
  );
  process.exitCode = failed > 0 ? 1 : 0;
}
