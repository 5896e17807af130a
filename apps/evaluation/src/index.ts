export { calculateInThread } from './adapters/calculation-thread.js';
export { EvaluationModule, type EvaluationOptions } from './evaluation.module.js';
export { evaluationConfig, type EvaluationConfig } from './config.js';
export { judge, judgeGates, type Evidence, type Judgement } from './domain/gates.js';
export type { Difference, Measurements } from './domain/measurement.js';
export type { EvaluationReport } from './domain/report.js';
