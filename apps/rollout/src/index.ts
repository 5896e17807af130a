export { RolloutModule } from './rollout.module.js';
export { rolloutConfig, type RolloutConfig } from './config.js';
