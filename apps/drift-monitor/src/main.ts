import { runService } from '@rondo/runtime';
import { driftMonitorConfig } from './config.js';
import { DriftMonitorModule } from './drift-monitor.module.js';

await runService(
  {
    name: 'drift-monitor',
    config: driftMonitorConfig,
    module: ({ config, engine }) => DriftMonitorModule.forRoot({ config, engine: engine() }),
  },
  process.env,
);
