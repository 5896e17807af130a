export { ControlPlaneModule } from './control-plane.module.js';
export { controlPlaneConfig, type ControlPlaneConfig } from './config.js';
export type { ShownSpan, Surroundings } from './surroundings.js';
