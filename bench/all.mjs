#!/usr/bin/env node
/**
 * Runs every benchmark of this folder, one after the other, and writes what they print to docs/benchmarks.md.
 * Build first (`npm run build`), leave the machine alone, then `node bench/all.mjs`, or with the benchmarks on real servers
 * `node deploy/native/with-servers.mjs kafka mongodb s3 -- node bench/all.mjs`. Takes a few minutes. With `--peers` the Python
 * libraries that some are compared with are installed and run too.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, release } from 'node:os';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Benchmarks that know `--peers`. */
const COMPARED = ['drift', 'detectors', 'statistics'];
const withPeers = process.argv.includes('--peers');
const hasServers = (...names) => names.every((name) => process.env[`RONDO_TEST_${name.toUpperCase()}`]);
const BENCHES = [
  [
    'orchestration',
    'One cycle of eight durable steps with nothing else to do, embedded mode, every commit on the disk',
  ],
  ['journal', 'Units of work on MongoDB, beside the driver doing the same writes'],
  ['gateway', 'Single-row inference through the gateway, beside a bare server with the same model'],
  ['features', 'Features of one week of flights (about 118,000 rows)'],
  ['ingest', 'CPU of data-prep per arrival, beside DuckDB alone'],
  ['event-loop', 'How long work on a million rows holds up the event loop'],
  ['drift', 'Drift of a million rows against a million'],
  ['detectors', 'Stream detectors beside River'],
  ['error-rates-drift', 'False alarms of the drift rule, simulated'],
  ['error-rates-drift-shifts', 'Shifts that the drift rule finds, simulated'],
  ['error-rates-drift-flips', 'Verdicts on drift by all rows and by every 60th'],
  ['error-rates-intervals', 'How often the intervals of drift hold what is true, simulated'],
  ['error-rates-seasons', 'A seasonal year starts no cycle, simulated'],
  ['scoring', 'Scoring of built-in tree ensembles'],
  ['statistics', 'Statistics over whole evaluation sets'],
  ['rows', 'Statistics of ten million rows'],
  ['error-rates-evaluation', 'How often the rules of an evaluation are wrong, simulated'],
  ['error-rates-clusters', 'How often an evaluation is wrong about rows that err together, simulated'],
  ...(hasServers('kafka', 'mongodb')
    ? [
        ['kafka', 'The bus on Kafka beside plain kafkajs, one broker, acks=all'],
        ['orchestration-distributed', 'One cycle of eight durable steps over Kafka and MongoDB'],
      ]
    : []),
  ...(hasServers('kafka', 'mongodb', 's3') ? [['load', 'The services under load, one replica each']] : []),
  ['error-rates-rollout', 'Error rates of canaries and labels'],
  ['error-rates-forecasts', 'How often the intervals of forecasts hold what came'],
  ['error-rates-labels', 'How often the gates on labels are wrong, simulated'],
  ['error-rates-canary', 'Error rates of a rollout: its own evidence, simulated'],
];

const sections = BENCHES.map(([name, title]) => {
  process.stderr.write(`${name} …\n`);
  const options = withPeers && COMPARED.includes(name) ? ['--peers'] : [];
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, [`bench/${name}.mjs`, ...options], {
    cwd: root,
    encoding: 'utf8',
    timeout: 600_000,
  });
  const text = stdout.trim() || stderr.trim();
  const body = /^\|/m.test(text) ? text : `\`\`\`\n${text}\n\`\`\``;
  const missed = signal ? 'was stopped after ten minutes' : 'ended with an error code: a target of its own was missed';
  const note = status === 0 ? '' : `\n\nThe benchmark ${missed}.`;
  return `## ${title}\n\n\`node bench/${[`${name}.mjs`, ...options].join(' ')}\`\n\n${body}${note}\n`;
});
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const head = `# Benchmarks

What the scripts of \`bench/\` print, each section from a run of its own; measured, never asserted. Trust ratios within one run more
than absolute times. They need Node 24: \`npx node …\` is the one that npm brought.

Rondo ${version}, Node ${process.versions.node}, ${platform()} ${release()} ${arch()}, ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${new Date().toISOString().slice(0, 10)}.
`;
writeFileSync(new URL('../docs/benchmarks.md', import.meta.url), `${head}\n${sections.join('\n')}`);
