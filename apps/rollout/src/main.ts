import { runService } from '@rondo/runtime';
import { rolloutConfig } from './config.js';
import { RolloutModule } from './rollout.module.js';

await runService(
  {
    name: 'rollout',
    config: rolloutConfig,
    module: ({ config }) => RolloutModule.forRoot(config),
  },
  process.env,
);
