import { runService } from '@rondo/runtime';
import { gatewayConfig } from './config.js';
import { InferenceGatewayModule } from './gateway.module.js';
import { InferenceGateway } from './inference-gateway.js';

await runService(
  {
    name: 'inference-gateway',
    config: gatewayConfig,
    module: ({ config, authenticate }) => InferenceGatewayModule.forRoot({ config, authenticate }),
    addresses: ({ app }) => {
      const { host, httpPort, grpcPort } = app.get(InferenceGateway, { strict: false }).addresses!;
      return { gatewayHttp: `http://${host}:${httpPort}`, gatewayGrpc: `${host}:${grpcPort}` };
    },
  },
  process.env,
);
