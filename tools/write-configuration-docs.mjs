#!/usr/bin/env node
/**
 * Writes docs/configuration.md from the configuration schema of every service.
 * Needs built apps. Usage: node tools/write-configuration-docs.mjs [--check]
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configTable } from '../libs/config/dist/index.js';
import { apiConfig, runtimeConfig } from '../libs/runtime/dist/config.js';

const check = process.argv.includes('--check');
const dist = (path) => import(new URL(`../apps/${path}`, import.meta.url));
const sections = [
  [
    'The process',
    'What `npm start` reads besides the settings of the services below.',
    (await dist('standalone/dist/config.js')).standaloneConfig,
  ],
  [
    'One process per service',
    'What every `apps/<service>/dist/main.js` reads besides the settings of its service below: where Kafka, MongoDB and the bucket are, and\nwhere the process listens. `/livez`, `/readyz` and `/metrics` are on the HTTP port, `grpc.health.v1.Health` on the gRPC port.',
    runtimeConfig,
  ],
  [
    'The API, in a process of its own',
    'What the control-plane reads besides: its gRPC and HTTP ports serve the whole API, and what other services own is forwarded to them.',
    apiConfig,
  ],
  ['control-plane', '', (await dist('control-plane/dist/config.js')).controlPlaneConfig],
  [
    'data-prep',
    'In one process the default of `RONDO_DATA_ROOTS` is `<home>/inbox`.',
    (await dist('data-prep/dist/config.js')).dataPrepConfig,
  ],
  ['drift-monitor', '', (await dist('drift-monitor/dist/config.js')).driftMonitorConfig],
  ['labeling', '', (await dist('labeling/dist/config.js')).labelingConfig],
  ['training', '', (await dist('training/dist/config.js')).trainingConfig],
  ['evaluation', '', (await dist('evaluation/dist/config.js')).evaluationConfig],
  ['rollout', '', (await dist('rollout/dist/config.js')).rolloutConfig],
  [
    'inference-gateway',
    'In one process the default of `RONDO_GATEWAY_STATE_FOLDER` is `<home>/gateway`.',
    (await dist('inference-gateway/dist/config.js')).gatewayConfig,
  ],
];

const head = `# Settings

<!-- Written by tools/write-configuration-docs.mjs from the schemas in apps/*/src/config.ts and libs/runtime; edit the help texts there. -->

Every setting is an environment variable. All problems are reported at once, before anything starts. \`X_FILE\` names a file that
holds the value of \`X\`. Durations are written \`90s\`, \`15m\`, \`2h\`, sizes \`64MiB\`. What a pipeline does is no setting: it is in
[its document](pipeline-document.md). The command line reads \`RONDO_SERVER\`, \`RONDO_TOKEN\`, \`RONDO_TOKEN_FILE\` and \`RONDO_HOME\`.
`;
const text = `${head}${sections
  .map(([title, note, schema]) => {
    const empty = Object.keys(schema).length === 0;
    return ['', `## ${title}`, '', ...(note ? [note, ''] : []), empty ? 'None.\n' : configTable(schema)].join('\n');
  })
  .join('')}`;

const target = fileURLToPath(new URL('../docs/configuration.md', import.meta.url));
const fresh = existsSync(target) && readFileSync(target, 'utf8') === text;
if (!fresh && check) {
  console.error('docs/configuration.md is out of date: run node tools/write-configuration-docs.mjs');
  process.exit(1);
}
if (!fresh) writeFileSync(target, text);
