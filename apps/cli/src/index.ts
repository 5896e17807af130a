export { run } from './run.js';
export { type Surroundings } from './surroundings.js';
