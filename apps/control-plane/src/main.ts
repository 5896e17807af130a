import { runService } from '@rondo/runtime';
import { controlPlaneConfig } from './config.js';
import { ControlPlaneModule } from './control-plane.module.js';

await runService(
  {
    name: 'control-plane',
    config: controlPlaneConfig,
    module: ({ config, version, journals, traceUrl }) =>
      ControlPlaneModule.forRoot({
        config,
        surroundings: {
          version,
          mode: 'distributed',
          journals: journals(),
          spans: () => Promise.resolve([]),
          ...(traceUrl && { traceUrl }),
        },
      }),
    servesApi: true,
  },
  process.env,
);
