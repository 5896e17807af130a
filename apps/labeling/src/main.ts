import { runService } from '@rondo/runtime';
import { labelingConfig } from './config.js';
import { LabelingModule } from './labeling.module.js';

await runService(
  {
    name: 'labeling',
    config: labelingConfig,
    module: ({ config }) => LabelingModule.forRoot(config),
  },
  process.env,
);
