export { DataPrepModule, type DataPrepOptions } from './data-prep.module.js';
export { dataPrepConfig, type DataPrepConfig } from './config.js';
export type { Authenticate } from './handlers/cloud-events.http.js';
