export { calculateInThread } from './adapters/calculation-thread.js';
export { EvaluationModule, type EvaluationOptions } from './evaluation.module.js';
export { evaluationConfig, type EvaluationConfig } from './config.js';
