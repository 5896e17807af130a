export { ControlPlaneModule } from './control-plane.module.js';
export { controlPlaneConfig, type ControlPlaneConfig } from './config.js';
export type { ShownSpan, Surroundings } from './surroundings.js';
export { coolDownAfter } from './domain/cool-down.js';
export type { CycleResult } from './domain/cycle.js';
export { decide, type CoolDown, type DecisionFacts, type TriggerReading } from './domain/decision.js';
export { observeTrigger, type TriggerMemory } from './domain/trigger.js';
