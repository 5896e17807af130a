export { BuiltinTrainer } from './adapters/builtin-trainer.js';
export { TrainingModule, type TrainingOptions } from './training.module.js';
export { trainingConfig, type TrainingConfig } from './config.js';
