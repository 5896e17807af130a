import { runService } from '@rondo/runtime';
import { dataPrepConfig } from './config.js';
import { DataPrepModule } from './data-prep.module.js';

await runService(
  {
    name: 'data-prep',
    config: dataPrepConfig,
    module: ({ config, authenticate, s3 }) => DataPrepModule.forRoot({ config, authenticate, s3 }),
    mounts: ({ http }) => [{ path: '/v1/events', handler: http, requires: 'producer' }],
  },
  process.env,
);
