export { answerRequests } from './answer-requests.js';
export { computeInThread, ComputeThread, type Asking, type ComputeThreadOptions } from './compute-thread.js';
