export {
  ConfigError,
  defineConfig,
  explainConfig,
  parseConfig,
  unknownVariables,
  variableOf,
  type ConfigOf,
  type ConfigProblem,
  type ConfigSchema,
  type ConfigSource,
  type Environment,
  type ExplainedSetting,
  type Setting,
} from './config.js';
export { Secret } from './secret.js';
export { configTable } from './config-table.js';
