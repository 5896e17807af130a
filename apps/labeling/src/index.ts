export { LabelingModule, type LabelingParts } from './labeling.module.js';
export { labelingConfig, type LabelingConfig } from './config.js';
