import type { ConstantModel } from './models.js';
import { checkTrainingTable, type TrainingTable } from './training-table.js';

/** Keeps the log-odds finite when only one class was seen. */
const margin = 1e-6;

/**
 * Learns the share of class 1 and nothing else.
 * @throws PermanentError `invalid` for a table no learner could use
 */
export function trainConstantBaseline(table: TrainingTable): ConstantModel {
  const share = checkTrainingTable(table) / table.target.length;
  return {
    kind: 'constant',
    featureNames: [...table.featureNames],
    probability: Math.min(1 - margin, Math.max(margin, share)),
  };
}
