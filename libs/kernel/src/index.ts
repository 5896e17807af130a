export {
  PermanentError,
  TransientError,
  ConflictError,
  Defect,
  assert,
  unreachable,
  messageOf,
  type ErrorCode,
  type ErrorDetail,
} from './errors.js';
export { elapsedMs, systemClock, type Clock } from './clock.js';
export { randomIds, idFrom, type Ids } from './ids.js';
export { seededRandom, type Random } from './random.js';
export { backoffMs, type BackoffPolicy } from './backoff.js';
export { parseDurationMs, formatDurationMs } from './duration.js';
export { parseInstantMs } from './instant.js';
export { canonicalJson, type Json } from './json.js';
export { RecentlyUsed } from './recently-used.js';
export { mixBits } from './mix-bits.js';
