import { runService } from '@rondo/runtime';
import { trainingConfig } from './config.js';
import { TrainingModule } from './training.module.js';

await runService(
  {
    name: 'training',
    config: trainingConfig,
    module: ({ config, engine, scorer, environment }) =>
      TrainingModule.forRoot({ config, engine: engine(), scorer: scorer(), path: environment['PATH'] ?? '' }),
  },
  process.env,
);
