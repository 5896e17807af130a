import type { ConfigOf, ConfigSchema } from '@rondo/config';

/** Settings of the inference gateway. */
export const gatewayConfig = {
  gatewayHost: {
    type: 'string',
    default: '127.0.0.1',
    min: 1,
    max: 255,
    help: 'Address the data plane listens on; this machine only unless told otherwise.',
  },
  gatewayHttpPort: {
    type: 'int',
    default: '4702',
    min: 0,
    max: 65_535,
    help: 'Port of the Open Inference Protocol over HTTP; 0 takes a free one.',
  },
  gatewayGrpcPort: {
    type: 'int',
    default: '4703',
    min: 0,
    max: 65_535,
    help: 'Port of the Open Inference Protocol over gRPC; 0 takes a free one.',
  },
  gatewayStateFolder: {
    type: 'string',
    default: '.rondo/gateway',
    min: 1,
    max: 4_096,
    help: 'Folder with the last routing and model files, from which the gateway serves when everything else is down.',
  },
  gatewayScorerThreads: {
    type: 'int',
    default: '1',
    min: 1,
    max: 64,
    help: 'Worker threads for serving models that ONNX Runtime scores; candidates have one more to themselves.',
  },
  gatewayShadowRowsMax: {
    type: 'int',
    default: '200000',
    min: 0,
    max: 10_000_000,
    unit: 'rows',
    help: 'Rows that may wait to be scored for comparison; beyond it they are not compared.',
  },
  gatewayLogBytesMax: {
    type: 'bytes',
    default: '64MiB',
    min: 65_536,
    max: 4_294_967_296,
    help: 'Predictions kept while the bus is away; beyond it the oldest are dropped and counted.',
  },
} as const satisfies ConfigSchema;

/** The value of {@link gatewayConfig}. */
export type GatewayConfig = ConfigOf<typeof gatewayConfig>;
