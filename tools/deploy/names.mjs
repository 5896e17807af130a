/** What needs no program to be checked: names that one file takes from another. Each function gives a list of complaints. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

const read = (root, path) => readFileSync(join(root, path), 'utf8');

/** Settings of docs/configuration.md, which a gate keeps equal to the schemas. */
export function settings(root) {
  const table = [...read(root, 'docs/configuration.md').matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(([, name]) => name);
  return new Set(table.flatMap((name) => [name, `${name}_FILE`]));
}

const OURS = /^(RONDO|OTEL)_/;
/** Variables of the composition's own file and of the command line, which are no settings of a service. */
const OTHERS = new Set([
  'RONDO_VERSION',
  'RONDO_INBOX',
  'RONDO_TRACES_TO',
  'RONDO_SERVER',
  'RONDO_TOKEN',
  'RONDO_TOKEN_FILE',
]);

/** Every RONDO_ and OTEL_ variable in the text is a setting. */
export function unknownVariables(where, text, known) {
  const used = new Set(
    [...text.matchAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g)].map(([name]) => name).filter((name) => OURS.test(name)),
  );
  return [...used]
    .filter((name) => !known.has(name) && !OTHERS.has(name))
    .map((name) => `${where}: ${name} is no setting`);
}

/** Metrics that exist, with the series of histograms. */
export function metrics(root) {
  const names = new Set(['up']);
  for (const [, name, kind] of read(root, 'docs/telemetry.md').matchAll(/^\| `(rondo_\w+)` \| (\w+) \|/gm)) {
    names.add(name);
    if (kind === 'histogram') for (const part of ['bucket', 'sum', 'count']) names.add(`${name}_${part}`);
  }
  return names;
}

/** Every rondo_ metric and recorded rondo: series in the text exists. */
export function unknownMetrics(where, text, known, recorded = new Set()) {
  const used = new Set([...text.matchAll(/\brondo_[a-z0-9_]+|\brondo:[a-z0-9_:]+/g)].map(([name]) => name));
  return [...used]
    .filter((name) => !known.has(name) && !recorded.has(name))
    .map((name) => `${where}: ${name} is not measured`);
}

/** Rules by kind. */
export function rulesOf(text) {
  const rules = parse(text).groups.flatMap((group) => group.rules);
  return { alerts: rules.filter((rule) => rule.alert), recorded: new Set(rules.flatMap((rule) => rule.record ?? [])) };
}

/** Each alert has a runbook that it names, and a test that sees it silent and sees it raised; no runbook is left over. */
export function incompleteAlerts({ alerts }, tests, runbooks) {
  const complaints = [];
  const checks = parse(tests).tests.flatMap((test) => test.alert_rule_test);
  for (const { alert, labels, annotations } of alerts) {
    const own = checks.filter((check) => check.alertname === alert);
    if (annotations?.runbook !== `docs/runbooks/${alert}.md`) complaints.push(`${alert}: does not name its runbook`);
    if (!runbooks.includes(alert)) complaints.push(`${alert}: has no runbook`);
    if (!labels?.severity) complaints.push(`${alert}: has no severity`);
    if (!own.some((check) => check.exp_alerts?.length)) complaints.push(`${alert}: no test raises it`);
    if (!own.some((check) => !check.exp_alerts?.length)) complaints.push(`${alert}: no test finds it silent`);
  }
  const names = alerts.map(({ alert }) => alert);
  return [
    ...complaints,
    ...runbooks.filter((name) => !names.includes(name)).map((name) => `${name}: a runbook without an alert`),
  ];
}

const HEADINGS = ['What it means', 'First look', 'How to mend', 'How to know it is over'];

/** A runbook has its four parts and names a command of `rondo`; a spec of apps/cli checks the commands of all documents. */
export function badRunbook(name, text) {
  const found = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
  const complaints = HEADINGS.join() === found.join() ? [] : [`${name}: its parts must be ${HEADINGS.join(', ')}`];
  if (!/(^ {4,}|`)rondo [a-z]/m.test(text)) complaints.push(`${name}: names no command of rondo`);
  return complaints;
}

const HTTP = 4700;
const GRPC = 4701;
const PORTS = new Set([HTTP, GRPC, 4702, 4703]);

/** Ports that the settings give by default are the ones of the image, the composition and the chart. */
export function differentPorts(where, text) {
  return [...new Set([...text.matchAll(/\b47\d\d\b/g)].map(([port]) => Number(port)))]
    .filter((port) => !PORTS.has(port))
    .map((port) => `${where}: ${port} is not a port of a service`);
}

/** What the default ports of the settings are. */
export function portsOfSettings(root) {
  const defaults = [
    ...read(root, 'docs/configuration.md').matchAll(/^\| `RONDO_(?:GATEWAY_)?(?:HTTP|GRPC)_PORT` \| int \| `(\d+)`/gm),
  ];
  const unknown = defaults.map(([, port]) => Number(port)).filter((port) => !PORTS.has(port));
  return unknown.map((port) => `docs/configuration.md: the default port ${port} is not one that is deployed`);
}

/** Every service of the workspace is deployed, and nothing else. */
export function differentServices(where, deployed, root) {
  const services = readdirSync(join(root, 'apps')).filter((app) => !['cli', 'console', 'standalone'].includes(app));
  return [
    ...services.filter((name) => !deployed.includes(name)).map((name) => `${where}: ${name} is not deployed`),
    ...deployed.filter((name) => !services.includes(name)).map((name) => `${where}: ${name} is no service`),
  ];
}

/**
 * What compose's loader leaves to its engine: services, volumes and networks that are named exist, and who waits for health waits
 * for something that has a health check.
 */
export function badReferences({ services, volumes = {}, networks = {} }) {
  return Object.entries(services).flatMap(([name, service]) => {
    const at = `compose.yaml: ${name}`;
    const mounted = (service.volumes ?? [])
      .map((text) => text.split(':')[0])
      .filter((source) => /^[a-z][a-z0-9-]*$/.test(source));
    const needs = Object.entries(service.depends_on ?? {});
    return [
      ...mounted
        .filter((volume) => !(volume in volumes))
        .map((volume) => `${at} mounts ${volume}, which is not declared`),
      ...(service.networks ?? [])
        .filter((network) => !(network in networks))
        .map((network) => `${at} joins ${network}, which is not declared`),
      ...needs
        .filter(([needed]) => !services[needed])
        .map(([needed]) => `${at} depends on ${needed}, which does not exist`),
      ...needs
        .filter(
          ([needed, { condition }]) =>
            condition === 'service_healthy' && services[needed] && !services[needed].healthcheck,
        )
        .map(([needed]) => `${at} waits for the health of ${needed}, which has no health check`),
    ];
  });
}

/** Groups of which every replica reads everything. */
const OF_EVERY_REPLICA = new Set(['control-plane.watchers', 'inference-gateway.routing']);

/** What is scaled on is what the code does: consumer groups shared by the replicas of a service, and kinds of its jobs. */
export function wronglyScaled(root, text, namespace) {
  const scaled = parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((item) => item?.kind === 'ScaledObject');
  return scaled.flatMap(({ metadata, spec }) => {
    const service = metadata.labels['app.kubernetes.io/component'];
    const sources = readdirSync(join(root, 'apps', service, 'src'), { recursive: true })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
      .map((file) => read(root, join('apps', service, 'src', file)));
    const source = sources.join('\n');
    const groups = spec.triggers
      .filter(({ type }) => type === 'kafka')
      .map(({ metadata: { consumerGroup } }) => consumerGroup.slice(namespace.length));
    const kinds = spec.triggers
      .flatMap(({ metadata: { query } }) => (/kind=~"([^"]*)"/.exec(query)?.[1] ?? '').split('|'))
      .filter(Boolean);
    const declared = [...source.matchAll(/(?:group:|GROUP =) '([a-z.-]+)'/g)].map(([, group]) => group);
    const at = `ScaledObject ${metadata.name}`;
    return [
      ...groups
        .filter((group) => group !== service && !declared.includes(group))
        .map((group) => `${at}: nobody reads as ${group}`),
      ...declared
        .filter((group) => !groups.includes(group) && !OF_EVERY_REPLICA.has(group))
        .map((group) => `${at}: the backlog of ${group} asks for no replica`),
      ...kinds
        .filter((kind) => !source.includes(`'${kind}'`))
        .map((kind) => `${at}: there are no jobs of kind ${kind}`),
    ];
  });
}

/** What schemas cannot say of rendered manifests: references, hardening, explicit edges. */
export function badManifests(text) {
  const all = parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter(Boolean);
  const of = (kind) => all.filter((item) => item.kind === kind);
  const complaints = [];
  const pods = [
    ...of('Deployment').map((item) => [item, item.spec.template]),
    ...of('CronJob').map((item) => [item, item.spec.jobTemplate.spec.template]),
  ];
  for (const [{ kind, metadata }, { metadata: podMetadata, spec }] of pods) {
    const at = `${kind} ${metadata.name}`;
    if (spec.automountServiceAccountToken !== false) complaints.push(`${at}: mounts a token`);
    if (!spec.securityContext?.runAsNonRoot || !spec.securityContext.seccompProfile)
      complaints.push(`${at}: may run as root or without seccomp`);
    for (const { securityContext, resources } of spec.containers) {
      if (securityContext?.readOnlyRootFilesystem !== true || securityContext.allowPrivilegeEscalation !== false)
        complaints.push(`${at}: is not hardened`);
      if (!resources?.limits?.memory || !resources.requests?.cpu) complaints.push(`${at}: has no resources`);
    }
    if (kind !== 'Deployment') continue;
    const [{ startupProbe, livenessProbe, readinessProbe, lifecycle, env }] = spec.containers;
    if (!startupProbe?.grpc || livenessProbe?.httpGet?.path !== '/livez' || readinessProbe?.httpGet?.path !== '/readyz')
      complaints.push(`${at}: lacks a probe`);
    const drainSeconds = Number.parseInt(env.find(({ name }) => name === 'RONDO_SHUTDOWN_MS')?.value ?? '0', 10);
    if (spec.terminationGracePeriodSeconds <= drainSeconds + (lifecycle?.preStop?.sleep?.seconds ?? 0))
      complaints.push(`${at}: is killed before it has drained`);
    const covers = (selector) =>
      Object.entries(selector ?? {}).every(([key, value]) => podMetadata.labels[key] === value);
    for (const needed of ['PodDisruptionBudget', 'Service']) {
      if (!of(needed).some((item) => covers(item.spec.selector.matchLabels ?? item.spec.selector)))
        complaints.push(`${at}: has no ${needed}`);
    }
  }
  const names = of('Deployment').map((item) => item.metadata.name);
  for (const { metadata, spec } of of('ScaledObject')) {
    if (!names.includes(spec.scaleTargetRef.name)) complaints.push(`ScaledObject ${metadata.name}: scales nothing`);
    if (spec.minReplicaCount > spec.maxReplicaCount) complaints.push(`ScaledObject ${metadata.name}: least above most`);
  }
  const denies = of('NetworkPolicy').some(({ spec }) => spec.policyTypes.length === 2 && !spec.ingress && !spec.egress);
  if (!denies) complaints.push('NetworkPolicy: nothing is denied by default');
  return complaints;
}
