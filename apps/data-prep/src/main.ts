import { runService } from '@rondo/runtime';
import { dataPrepConfig } from './config.js';
import { DataPrepModule } from './data-prep.module.js';

await runService(
  {
    name: 'data-prep',
    config: dataPrepConfig,
    module: ({ config, authenticate }) => DataPrepModule.forRoot({ config, authenticate }),
    mounts: ({ http }) => [{ path: '/v1/events', handler: http, requires: 'producer' }],
  },
  process.env,
);
