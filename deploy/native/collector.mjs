/**
 * A real OpenTelemetry collector on loopback that keeps what it receives, for specs that look at traces. Its address,
 * `http://127.0.0.1:PORT?traces=FILE`, is the OTLP endpoint (HTTP) and the file with one export request in OTLP JSON on each line.
 * The collector is put together from pinned modules by its own builder; it hands its spans on over OTLP to this process, which
 * writes them down.
 */
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { cacheFolder, goTool, Missing, run } from './go-tool.mjs';
import { freePort } from './free-port.mjs';
import { startProcess } from './server-process.mjs';

const VERSION = '0.165.0';
const BUILDER = { name: 'otel-builder', package: 'go.opentelemetry.io/collector/cmd/builder', version: `v${VERSION}` };
const PARTS = {
  receivers: ['receiver/otlpreceiver'],
  processors: ['processor/batchprocessor', 'processor/memorylimiterprocessor'],
  exporters: ['exporter/otlpexporter', 'exporter/otlphttpexporter'],
};
const PROVIDERS = ['confmap/provider/envprovider', 'confmap/provider/fileprovider'];
const PROVIDER_VERSION = 'v1.71.0';

/** True when the cache holds the collector. */
export const collectorIsBuilt = () => existsSync(join(cacheFolder(), `otelcol-${VERSION}`, 'otelcol'));

/** Path of the collector, which is built when the cache does not hold it; that takes minutes. */
export async function collector(log = () => undefined) {
  const folder = join(cacheFolder(), `otelcol-${VERSION}`);
  const program = join(folder, 'otelcol');
  if (collectorIsBuilt()) return program;
  const builder = await goTool(BUILDER, log);
  const building = await mkdtemp(join(cacheFolder(), '.otelcol-'));
  try {
    const module = (path, version) => ({ gomod: `go.opentelemetry.io/collector/${path} ${version}` });
    const parts = Object.entries(PARTS).map(([kind, paths]) => [
      kind,
      paths.map((path) => module(path, `v${VERSION}`)),
    ]);
    const manifest = {
      dist: { name: 'otelcol', version: VERSION, output_path: building },
      ...Object.fromEntries(parts),
      providers: PROVIDERS.map((path) => module(path, PROVIDER_VERSION)),
    };
    // JSON is YAML.
    await writeFile(join(building, 'manifest.yaml'), JSON.stringify(manifest));
    log(`building the OpenTelemetry collector ${VERSION}; the first time takes minutes`);
    const { status, stderr } = await run(builder, ['--config', join(building, 'manifest.yaml')], {
      env: { ...process.env, CGO_ENABLED: '0' },
    });
    if (status !== 0) throw new Missing(`OpenTelemetry collector: ${stderr.trim().split('\n').at(-1)}`);
    await rename(building, folder).catch(() => undefined);
    return program;
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** @param {{ folder: string, port?: number, log?: (line: string) => void }} options */
export async function start({ folder, port = 0, log = () => undefined }) {
  const program = await collector(log);
  await mkdir(folder, { recursive: true });
  const traces = join(folder, 'traces.jsonl');
  const sink = await sinkInto(traces);
  const listen = `127.0.0.1:${port || (await freePort())}`;
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: listen } } } },
    processors: { batch: { timeout: '100ms' } },
    exporters: { otlphttp: { endpoint: sink.url, encoding: 'json', compression: 'none' } },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { traces: { receivers: ['otlp'], processors: ['batch'], exporters: ['otlphttp'] } },
    },
  };
  await writeFile(join(folder, 'config.yaml'), JSON.stringify(config));
  const ready = async () =>
    (
      await fetch(`http://${listen}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
    ).ok;
  try {
    const server = await startProcess({
      name: 'otelcol',
      program,
      args: ['--config', join(folder, 'config.yaml')],
      folder,
      ready,
    });
    const ended = (end) => () => end().finally(sink.close);
    return {
      ...server,
      stop: ended(server.stop),
      kill: ended(server.kill),
      address: `http://${listen}?traces=${encodeURIComponent(traces)}`,
    };
  } catch (error) {
    await sink.close();
    throw error;
  }
}

/** Takes export requests and appends each as a line; answers only once it is written. */
async function sinkInto(path) {
  await writeFile(path, '');
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    await appendFile(path, `${body}\n`);
    response.setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
