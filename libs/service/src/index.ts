export type * from './ports.js';
export { PLATFORM } from './ports.js';
export { answerOnce, checkEtag, etagOf, type IdempotentRequest } from './answer-once.js';
