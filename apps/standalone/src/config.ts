import { defineConfig, type ConfigOf } from '@rondo/config';

/** Settings of the process that runs every service. */
export const standaloneConfig = defineConfig({
  home: {
    type: 'string',
    default: '.rondo',
    help: 'Folder with the database, artifacts, tokens and the inbox for data.',
  },
  host: { type: 'string', default: '127.0.0.1', help: 'Address to listen on; only this machine by default.' },
  httpPort: {
    type: 'int',
    default: '4700',
    min: 0,
    max: 65535,
    help: 'Console and API (Connect, JSON, events); 0 takes a free port.',
  },
  grpcPort: { type: 'int', default: '4701', min: 0, max: 65535, help: 'API over gRPC; 0 takes a free port.' },
  logLevel: {
    type: 'enum',
    values: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    help: 'Least level of log lines; they go to <home>/rondo.log.',
  },
  otlpEndpoint: {
    type: 'string',
    optional: true,
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    help: 'OpenTelemetry collector that spans are sent to as well.',
  },
  quickstart: { type: 'boolean', default: 'true', help: 'Applies the flight-delay example and replays its data.' },
  quickstartWeeks: { type: 'int', default: '19', min: 1, max: 26, help: 'Weeks of 2001 that the quickstart replays.' },
  quickstartSample: {
    type: 'int',
    default: '1',
    min: 1,
    max: 1000,
    help: 'The quickstart keeps the flights of every n-th minute.',
  },
  quickstartDocument: {
    type: 'string',
    optional: true,
    help: 'Pipeline document the quickstart applies instead of its own.',
  },
});

export type StandaloneConfig = ConfigOf<typeof standaloneConfig>;
