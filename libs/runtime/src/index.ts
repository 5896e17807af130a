export { apiConfig, runtimeConfig, type ApiConfig, type RuntimeConfig } from './config.js';
export {
  runService,
  startService,
  type ModuleParts,
  type RunningProcess,
  type ServiceDefinition,
} from './run-service.js';
export { diagnose, type Finding } from './doctor.js';
export { SERVICES, type ServiceName } from './owners.js';
export { StartProblems } from './start-problems.js';
