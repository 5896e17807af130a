import { runService } from '@rondo/runtime';
import { evaluationConfig } from './config.js';
import { EvaluationModule } from './evaluation.module.js';

await runService(
  {
    name: 'evaluation',
    config: evaluationConfig,
    module: ({ config, engine, scorer }) => EvaluationModule.forRoot({ config, engine: engine(), scorer: scorer() }),
  },
  process.env,
);
