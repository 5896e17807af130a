export type * from './ports.js';
export { PLATFORM } from './ports.js';
