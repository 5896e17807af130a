import 'reflect-metadata';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseConfig } from '@rondo/config';
import { PermanentError } from '@rondo/kernel';
import { standaloneConfig, type StandaloneConfig } from './config.js';
import { forget } from './home.js';
import { exampleDataFolder } from './quickstart/flight-source.js';
import { storySchemas } from './quickstart/narrator.js';
import { Quickstart } from './quickstart/quickstart.js';
import { summaryTable } from './quickstart/summary.js';
import { startStandalone } from './standalone.js';
import { followStory, Terminal } from './terminal.js';

const VERSION = (createRequire(import.meta.url)('../../../package.json') as { version: string }).version;
const CONSOLE = fileURLToPath(new URL('../../console/dist', import.meta.url));
const HELP = `npm start [-- options]

  --once    run the quickstart to its end, print the summary and exit (1 when an event has no fate or the audit chain breaks)
  --json    print the summary as JSON
  --fresh   forget everything first
  --help    this text

Settings are environment variables, see docs/configuration.md.`;

interface Flags {
  readonly once: boolean;
  readonly json: boolean;
  readonly fresh: boolean;
}

function flagsOf(argv: string[]): Flags | undefined {
  const { values } = parseArgs({
    args: argv,
    options: {
      once: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      fresh: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return values.help ? undefined : { once: values.once, json: values.json, fresh: values.fresh };
}

/** A command of `rondo` that works in another terminal of this folder, whatever home and port were chosen. */
function commandFor(config: StandaloneConfig, grpcAddress: string): string {
  const home = config.home === standaloneConfig.home.default ? '' : `RONDO_HOME=${resolve(config.home)} `;
  const server = config.grpcPort === Number(standaloneConfig.grpcPort.default) ? '' : `RONDO_SERVER=${grpcAddress} `;
  return `${home}${server}npx rondo ${config.quickstart ? 'status flight-delay' : 'whoami'}`;
}

async function main(flags: Flags): Promise<number> {
  const startedMs = performance.now();
  const config = parseConfig(standaloneConfig, process.env);
  const out = flags.json ? process.stderr : process.stdout;
  const terminal = new Terminal(out, startedMs, out.isTTY && process.env['NO_COLOR'] === undefined);
  if (flags.fresh) await forget(resolve(config.home));
  const stop = new AbortController();
  const stopped = new Promise<void>((wake) => stop.signal.addEventListener('abort', () => wake()));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

  const rondo = await startStandalone({
    config,
    environment: process.env,
    version: VERSION,
    consoleFolder: CONSOLE,
    dataRoots: config.quickstart ? [exampleDataFolder()] : [],
  });
  rondo.tokens.ensureLocal({ principal: 'you', roles: ['admin'] });
  terminal.addresses({
    signIn: rondo.signInUrl(),
    grpc: rondo.door.grpcAddress,
    gateway: rondo.gatewayHttpUrl,
    home: resolve(config.home),
    command: commandFor(config, rondo.door.grpcAddress),
  });
  const story = await followStory(rondo.store.bus, storySchemas, terminal);
  try {
    let status = 0;
    if (config.quickstart) {
      const options = {
        home: resolve(config.home),
        weeks: config.quickstartWeeks,
        sample: config.quickstartSample,
        document: config.quickstartDocument,
        signal: stop.signal,
      };
      const quickstart = new Quickstart(rondo, options);
      try {
        const pipeline = await quickstart.run();
        if (!stop.signal.aborted) {
          const summary = await quickstart.summary(pipeline, (performance.now() - startedMs) / 1000);
          if (flags.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
          else if (flags.once) process.stdout.write(`\n${summaryTable(summary)}\n`);
          else terminal.storyEnds(summary);
          status = summary.sound ? 0 : 1;
        }
      } finally {
        await quickstart.close();
      }
    }
    if (!flags.once) await stopped;
    return flags.once ? status : 0;
  } finally {
    await story.close();
    await rondo.close();
  }
}

const PORTS = 'RONDO_HTTP_PORT, RONDO_GRPC_PORT, RONDO_GATEWAY_HTTP_PORT and RONDO_GATEWAY_GRPC_PORT';

/** Why it did not start or go on, for people; the stack only of what nobody expected. */
function problemText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'EADDRINUSE' || code === 'EACCES')
    return `cannot listen on ${address}:${port} (${code === 'EACCES' ? 'not allowed' : 'something listens there already'}); ${PORTS} choose others`;
  return error instanceof PermanentError || error instanceof TypeError ? error.message : (error.stack ?? error.message);
}

try {
  const flags = flagsOf(process.argv.slice(2));
  if (flags) process.exitCode = await main(flags);
  else process.stdout.write(`${HELP}\n`);
} catch (error) {
  process.stderr.write(`rondo: ${problemText(error)}\n`);
  process.exitCode = error instanceof TypeError ? 2 : 1;
}
