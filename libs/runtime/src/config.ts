import { defineConfig, type ConfigOf } from '@rondo/config';

/** Settings of every process that runs one service beside Kafka, MongoDB and an S3 bucket. */
export const runtimeConfig = defineConfig({
  kafkaBrokers: { type: 'list', help: 'Kafka brokers to begin with, as host:port.' },
  kafkaTls: { type: 'boolean', default: 'false', help: 'Speaks TLS with the brokers.' },
  kafkaTlsCa: {
    type: 'string',
    optional: true,
    help: 'Certificate authority of the brokers, PEM; the well-known ones when left out.',
  },
  kafkaSaslMechanism: {
    type: 'enum',
    values: ['plain', 'scram-sha-256', 'scram-sha-512'],
    optional: true,
    help: 'How to sign in to the brokers; nobody signs in when left out.',
  },
  kafkaSaslUsername: { type: 'string', optional: true, help: 'Name to sign in to the brokers with.' },
  kafkaSaslPassword: { type: 'string', secret: true, optional: true, help: 'Password to sign in to the brokers with.' },
  kafkaPartitions: {
    type: 'int',
    default: '16',
    min: 1,
    max: 10_000,
    unit: 'partitions',
    help: 'Partitions of each topic: the most replicas of a service that share its messages. A topic with fewer is refused.',
  },
  kafkaReplication: {
    type: 'int',
    default: '1',
    min: 1,
    max: 32,
    unit: 'brokers',
    help: 'Brokers that hold each new topic; 3 in production.',
  },
  kafkaMinInSync: {
    type: 'int',
    default: '1',
    min: 1,
    max: 32,
    unit: 'brokers',
    help: 'Brokers that must have a message before it counts as published; 2 in production.',
  },
  kafkaRetentionMs: {
    type: 'duration',
    default: '7d',
    min: 3_600_000,
    max: 3_650 * 86_400_000,
    help: 'How long topics keep messages: longer than a service may stand still, and than the age of the newest backup. A topic that keeps them for less is refused.',
  },
  kafkaNamespace: {
    type: 'string',
    default: '',
    max: 100,
    help: 'Put before the names of topics and groups, so that installations can share a cluster.',
  },
  kafkaSessionMs: {
    type: 'duration',
    default: '30s',
    min: 6_000,
    max: 1_800_000,
    help: 'A process that the brokers did not hear of for so long loses its share of the messages to other replicas, or to its successor.',
  },
  mongodbUrl: {
    type: 'string',
    secret: true,
    help: 'MongoDB replica set, mongodb://…?replicaSet=…; a server outside a replica set is refused.',
  },
  mongodbDatabase: {
    type: 'string',
    default: 'rondo',
    min: 1,
    max: 38,
    help: 'Database that holds the state of all services.',
  },
  s3Bucket: { type: 'string', min: 3, max: 63, help: 'Bucket of the artifacts: data, models, reports.' },
  s3Endpoint: { type: 'string', optional: true, help: 'Address of an S3-compatible server; AWS when left out.' },
  s3Region: { type: 'string', default: 'us-east-1', min: 1, max: 64, help: 'Region of the bucket.' },
  s3AccessKeyId: {
    type: 'string',
    secret: true,
    optional: true,
    help: 'Access key; the usual AWS credential chain when left out.',
  },
  s3SecretAccessKey: { type: 'string', secret: true, optional: true, help: 'Secret of the access key.' },
  tokensFile: {
    type: 'string',
    default: '/etc/rondo/tokens.json',
    help: 'Access tokens, the same file for every process; only read. A token made there is known at once, one taken away is refused within a second.',
  },
  sessionKey: {
    type: 'string',
    secret: true,
    optional: true,
    min: 32,
    max: 4096,
    help: 'Signs console sessions; the same for every process. Without it a session is known to the process alone that opened it.',
  },
  host: {
    type: 'string',
    default: '127.0.0.1',
    min: 1,
    max: 255,
    help: 'Address to listen on; 0.0.0.0 in a container.',
  },
  httpPort: {
    type: 'int',
    default: '4700',
    min: 0,
    max: 65_535,
    help: 'HTTP: probes and metrics, and what the service offers over HTTP; 0 takes a free port.',
  },
  grpcPort: {
    type: 'int',
    default: '4701',
    min: 0,
    max: 65_535,
    help: 'RPCs and health over gRPC; 0 takes a free port.',
  },
  publicHosts: { type: 'list', default: '', help: 'Names under which browsers reach this process, besides localhost.' },
  replica: {
    type: 'string',
    optional: true,
    min: 1,
    max: 200,
    help: 'Name of this process among the replicas of its service, unique at any moment; host name and a random part when left out.',
  },
  jobLeaseMs: {
    type: 'duration',
    default: '30s',
    min: 1_000,
    max: 3_600_000,
    help: 'A job whose process gave no sign of life for so long is taken up by another replica.',
  },
  scratchFolder: {
    type: 'string',
    optional: true,
    help: 'Folder for downloaded artifacts while they are used; the one of the system when left out.',
  },
  shutdownMs: {
    type: 'duration',
    default: '20s',
    min: 1_000,
    max: 600_000,
    help: 'Longest time to end what is in flight after SIGTERM.',
  },
  logLevel: {
    type: 'enum',
    values: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    help: 'Least level of log lines; they go to standard output.',
  },
  otlpEndpoint: {
    type: 'string',
    optional: true,
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    help: 'OpenTelemetry collector that spans are sent to.',
  },
  traceSampleRatio: {
    type: 'number',
    default: '1',
    min: 0,
    max: 1,
    help: 'Share of new traces kept; decisions and commands are always kept.',
  },
});

/** The value of {@link runtimeConfig}. */
export type RuntimeConfig = ConfigOf<typeof runtimeConfig>;

/** What the API server of the control-plane needs besides. */
export const apiConfig = defineConfig({
  dataPrepAddress: {
    type: 'list',
    default: 'data-prep:4701',
    help: 'gRPC address of data-prep, whose part of the API is forwarded; several are used in turn.',
  },
  dataPrepHttp: {
    type: 'list',
    default: 'http://data-prep:4700',
    help: 'HTTP addresses of data-prep, to which announced events (/v1/events) are forwarded.',
  },
  driftMonitorAddress: { type: 'list', default: 'drift-monitor:4701', help: 'The same for drift-monitor.' },
  labelingAddress: { type: 'list', default: 'labeling:4701', help: 'The same for labeling.' },
  rolloutAddress: { type: 'list', default: 'rollout:4701', help: 'The same for rollout.' },
  consoleFolder: {
    type: 'string',
    optional: true,
    help: 'Folder of the built console; without it only the API is served.',
  },
  traceUrlTemplate: {
    type: 'string',
    optional: true,
    help: 'Where the console opens a trace, for example http://jaeger:16686/trace/{traceId}.',
  },
});

/** The value of {@link apiConfig}. */
export type ApiConfig = ConfigOf<typeof apiConfig>;
