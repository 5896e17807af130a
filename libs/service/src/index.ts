export type {
  DurableJobs,
  JobDefinition,
  JobFailure,
  JobResult,
  JobRun,
  Platform,
  RegisteredRpc,
  Replica,
  RpcContext,
} from './ports.js';
export { DURABLE_JOBS, PLATFORM } from './ports.js';
export { BusController, HandleEvent, type Delivery } from '@rondo/messaging';
export { answerOnce, checkEtag, etagOf, type IdempotentRequest } from './answer-once.js';
export { bootService, type RunningService, type ServiceOptions } from './boot-service.js';
export { everyReplica } from './every-replica.js';
export { causeOf } from './cause-of.js';
export { registeredRpcs, RpcService, type RpcImplementation } from './rpc-service.js';
export { JobRunner } from './jobs/job-runner.js';
export { JOB_KIND, type JobState } from './jobs/job-state.js';
export { PolicyGenerations } from './policy-generations.js';
