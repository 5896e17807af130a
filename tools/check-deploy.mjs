#!/usr/bin/env node
/**
 * Checks everything in deploy/ and the runbooks. Usage: node tools/check-deploy.mjs [CHECK…]
 * Programs are got from registries into the native cache (deploy/native). What a machine lacks is skipped by name, or fails where
 * RONDO_REQUIRE_REAL is set. Each check is also run on something bad, to show that it can fail.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { Missing, run } from '../deploy/native/go-tool.mjs';
import { collector, collectorIsBuilt } from '../deploy/native/collector.mjs';
import * as names from './deploy/names.mjs';
import { composeGo, helm, kubeconform, kubernetesSchemas, kubernetesVersion, promtool } from './deploy/tools.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'rondo-check-'));
const at = (path) => join(root, path);
const read = (path) => readFileSync(at(path), 'utf8');
const CHART = at('deploy/helm/rondo');

/** Runs a program; the complaint is what it said. */
async function ask(program, args, options) {
  const { status, stdout, stderr } = await run(program, args, { cwd: root, ...options });
  return status === 0 ? [] : [`${args.slice(0, 2).join(' ')}: ${`${stderr}\n${stdout}`.trim().slice(-1500)}`];
}

/** A complaint unless the check complains about what is known to be bad. */
const mustFail = (what, complaints) => (complaints.length > 0 ? [] : [`${what} was not noticed: the check is blind`]);

async function checkNames() {
  const known = names.settings(root);
  const files = [
    'deploy/Dockerfile',
    'deploy/compose.yaml',
    'deploy/otel-collector.yaml',
    'deploy/helm/rondo/values.yaml',
  ];
  for (const name of readdirSync(join(CHART, 'templates'))) files.push(`deploy/helm/rondo/templates/${name}`);
  files.push(...readdirSync(at('deploy/fixtures/helm')).map((name) => `deploy/fixtures/helm/${name}`));
  const values = parse(read('deploy/helm/rondo/values.yaml'));
  const services = Object.entries(parse(read('deploy/compose.yaml'), { merge: true }).services);
  const composed = services.filter(([, service]) => service.environment?.RONDO_KAFKA_BROKERS).map(([name]) => name);
  return [
    ...files.flatMap((file) => [
      ...names.unknownVariables(file, read(file), known),
      ...names.differentPorts(file, read(file)),
    ]),
    ...names.portsOfSettings(root),
    ...names.differentServices('compose.yaml', composed, root),
    ...names.differentServices('values.yaml', Object.keys(values.services), root),
    ...mustFail('an unknown variable', names.unknownVariables('bad', 'RONDO_KAFKA_BROKER=x', known)),
    ...mustFail('another port', names.differentPorts('bad', 'port: 4799')),
    ...mustFail('a missing service', names.differentServices('bad', ['training'], root)),
  ];
}

async function checkAlerts() {
  const known = names.metrics(root);
  const rules = names.rulesOf(read('deploy/prometheus/rules.yaml'));
  const tests = read('deploy/prometheus/rules.test.yaml');
  const pages = readdirSync(at('docs/runbooks')).filter((name) => name !== 'README.md');
  const runbooks = pages.map((name) => name.replace(/\.md$/, ''));
  const broken = { alerts: [{ alert: 'Lonely', annotations: {} }] };
  return [
    ...names.unknownMetrics('rules.yaml', read('deploy/prometheus/rules.yaml'), known, rules.recorded),
    ...names.incompleteAlerts(rules, tests, runbooks),
    ...pages.flatMap((page) => names.badRunbook(page, read(`docs/runbooks/${page}`))),
    ...pages.flatMap((page) => names.unknownMetrics(page, read(`docs/runbooks/${page}`), known, rules.recorded)),
    ...readdirSync(at('deploy/grafana/dashboards')).flatMap((name) =>
      names.unknownMetrics(name, read(`deploy/grafana/dashboards/${name}`), known, rules.recorded),
    ),
    ...mustFail('an alert without runbook and test', names.incompleteAlerts(broken, tests, runbooks)),
    ...mustFail('a runbook without parts', names.badRunbook('bad', '# Bad\n\n    rondo status x\n')),
    ...mustFail(
      'a runbook without a command',
      names.badRunbook('bad', read(`docs/runbooks/${pages[0]}`).replaceAll('rondo ', '')),
    ),
    ...mustFail('an unknown metric', names.unknownMetrics('bad', 'sum(rondo_made_up_total)', known)),
  ];
}

async function checkChart() {
  const program = await helm();
  const validator = await kubeconform();
  const schemas = await kubernetesSchemas();
  const version = ['--kube-version', kubernetesVersion];
  // Kinds of KEDA and of the Prometheus operator have no schema here: names.badManifests looks at them.
  const validate = (file) =>
    ask(validator, [
      '-strict',
      '-skip',
      'ScaledObject,ServiceMonitor',
      '-schema-location',
      `${schemas}/{{.ResourceKind}}{{.KindSuffix}}.json`,
      file,
    ]);
  const complaints = [];
  for (const name of readdirSync(at('deploy/fixtures/helm'))) {
    const values = at(`deploy/fixtures/helm/${name}`);
    complaints.push(...(await ask(program, ['lint', '--strict', CHART, '--values', values, ...version])));
    const { status, stdout, stderr } = await run(program, ['template', 'rondo', CHART, '--values', values, ...version]);
    if (status !== 0) return [...complaints, `template ${name}: ${stderr}`];
    const file = join(scratch, name);
    writeFileSync(file, stdout);
    complaints.push(...(await validate(file)), ...names.badManifests(stdout).map((text) => `${name}: ${text}`));
    const bad = stdout.replaceAll('terminationGracePeriodSeconds', 'terminationGraceSeconds');
    writeFileSync(file, bad);
    complaints.push(...mustFail('a misspelt field', await validate(file)));
    const { namespace = '' } = parse(readFileSync(values, 'utf8')).kafka ?? {};
    complaints.push(...names.wronglyScaled(root, stdout, namespace).map((text) => `${name}: ${text}`));
    const soft = stdout.replaceAll('readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false');
    complaints.push(...mustFail('a writable root', names.badManifests(soft)));
    const elsewhere = stdout.replaceAll('data-prep.arrivals', 'data-prep.gone');
    if (stdout.includes('ScaledObject'))
      complaints.push(...mustFail('a group that nobody reads as', names.wronglyScaled(root, elsewhere, namespace)));
  }
  const misspelt = [
    'lint',
    CHART,
    '--values',
    at('deploy/fixtures/helm/values-small.yaml'),
    '--set',
    'services.training.replicsa=3',
    ...version,
  ];
  return [
    ...complaints,
    ...mustFail('a misspelt value', await ask(program, misspelt)),
    ...mustFail('missing values', await ask(program, ['lint', CHART, ...version])),
  ];
}

async function checkComposition() {
  const program = await composeGo();
  // The loader takes no environment: what must be set is put in, and profiles are taken out, so that everything is loaded.
  const filled = read('deploy/compose.yaml')
    .replace(/\$\{[A-Z0-9_]+:\?[^}]*\}/g, 'x'.repeat(40))
    .replace(/^ +profiles: .*\n/gm, '');
  const load = async (text) => {
    const file = join(scratch, 'compose.yaml');
    writeFileSync(file, text);
    return ask(program, [file]);
  };
  const references = (change) => names.badReferences(parse(change(read('deploy/compose.yaml')), { merge: true }));
  const complaints = await load(filled);
  const unhealthy = Object.entries(parse(read('deploy/compose.yaml'), { merge: true }).services)
    .filter(([name, { profiles, healthcheck }]) => profiles[0] === 'core' && name !== 'tokens' && !healthcheck)
    .map(([name]) => `compose.yaml: ${name} has no health check`);
  const floating = [...read('deploy/compose.yaml').matchAll(/image: (\S+)/g)]
    .filter(([, image]) => !/:[^:]*\d/.test(image))
    .map(([, image]) => `compose.yaml: ${image} is not pinned`);
  return [
    ...complaints,
    ...unhealthy,
    ...references((text) => text),
    ...floating,
    ...mustFail(
      'a volume that is not declared',
      references((text) => text.replace('kafka:/var/lib', 'nowhere:/var/lib')),
    ),
    ...mustFail(
      'a dependency on nothing',
      references((text) => text.replace('mongodb: { condition', 'mongo: { condition')),
    ),
    ...mustFail('a misspelt key', await load(filled.replace('read_only: true', 'readonly: true'))),
  ];
}

/** The queries of the dashboards as recording rules, so that promtool reads them. */
function dashboardRules() {
  const queries = readdirSync(at('deploy/grafana/dashboards')).flatMap((name) =>
    JSON.parse(read(`deploy/grafana/dashboards/${name}`)).panels.flatMap(({ targets }) =>
      targets.map(({ expr }) => expr),
    ),
  );
  const rules = [...new Set(queries)].map((expr, index) => ({
    record: `dashboard:query_${index}:value`,
    expr: expr.replaceAll(/\$\w+/g, 'x'),
  }));
  return JSON.stringify({ groups: [{ name: 'dashboards', rules }] });
}

async function checkRules() {
  const program = await promtool();
  const folder = { cwd: at('deploy/prometheus') };
  writeFileSync(join(scratch, 'rules.yaml'), read('deploy/prometheus/rules.yaml').replaceAll(' > 300', ' > 30000'));
  writeFileSync(join(scratch, 'dashboards.yaml'), dashboardRules());
  writeFileSync(join(scratch, 'rules.test.yaml'), read('deploy/prometheus/rules.test.yaml'));
  return [
    ...(await ask(program, ['check', 'config', '--syntax-only', 'prometheus.yaml'], folder)),
    ...(await ask(program, ['check', 'rules', 'rules.yaml'], folder)),
    ...(await ask(program, ['test', 'rules', 'rules.test.yaml'], folder)),
    ...(await ask(program, ['check', 'rules', join(scratch, 'dashboards.yaml')])),
    ...mustFail(
      'an alert that no longer fires',
      await ask(program, ['test', 'rules', 'rules.test.yaml'], { cwd: scratch }),
    ),
  ];
}

async function checkCollector() {
  // Building it takes minutes: only where it is there, or everything has to be.
  if (!collectorIsBuilt() && !process.env.RONDO_REQUIRE_REAL) {
    throw new Missing('the collector is not built; node deploy/native/with-servers.mjs collector -- true builds it');
  }
  const program = await collector(console.error);
  const env = { ...process.env, RONDO_TRACES_TO: 'jaeger:4317' };
  const bad = join(scratch, 'otel-collector.yaml');
  writeFileSync(bad, read('deploy/otel-collector.yaml').replace('exporters: [otlp]', 'exporters: [nowhere]'));
  return [
    ...(await ask(program, ['validate', '--config', 'deploy/otel-collector.yaml'], { env })),
    ...mustFail('a pipeline into nothing', await ask(program, ['validate', '--config', bad], { env })),
  ];
}

const CHECKS = {
  names: checkNames,
  alerts: checkAlerts,
  composition: checkComposition,
  chart: checkChart,
  rules: checkRules,
  collector: checkCollector,
};
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in CHECKS));
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')}; there are: ${Object.keys(CHECKS).join(', ')}`);
  process.exit(64);
}
let failed = 0;
try {
  for (const [name, check] of Object.entries(CHECKS).filter(([each]) => wanted.length === 0 || wanted.includes(each))) {
    const started = Date.now();
    let complaints;
    let missing = '';
    try {
      complaints = await check();
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      missing = error.message;
      complaints = process.env.RONDO_REQUIRE_REAL ? [`${missing} (RONDO_REQUIRE_REAL is set)`] : [];
    }
    for (const complaint of complaints) console.error(`  ${complaint}`);
    failed += complaints.length > 0 ? 1 : 0;
    const outcome = complaints.length > 0 ? 'FAILED ' : missing ? 'skipped' : 'ok     ';
    console.log(
      `${outcome} deployment: ${name}${missing && ` (${missing})`} (${((Date.now() - started) / 1000).toFixed(1)} s)`,
    );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);
