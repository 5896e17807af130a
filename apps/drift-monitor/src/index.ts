export { calculated } from './domain/calculation.js';
export { DriftMonitorModule, type DriftMonitorOptions } from './drift-monitor.module.js';
export { driftMonitorConfig, type DriftMonitorConfig } from './config.js';
