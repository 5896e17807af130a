export { EvaluationModule, type EvaluationOptions } from './evaluation.module.js';
export { evaluationConfig, type EvaluationConfig } from './config.js';
