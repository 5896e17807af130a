export type * from './ports.js';
export { authorize, GRANTS, isAllowed, ROLES } from './authorize.js';
export {
  TokenFile,
  TokenReader,
  type Authentication,
  type NewToken,
  type TokenEntry,
  type TokenRefusal,
} from './token-file.js';
export { Sessions, type EndedSession, type SessionOptions } from './sessions.js';
export { FailureLimiter } from './failure-limiter.js';
export {
  Authenticator,
  SESSION_COOKIE,
  type AuthenticatorOptions,
  type Credentials,
  type Denial,
} from './authenticator.js';
export { guardBrowser, type GuardedRequest } from './browser-guard.js';
export { signInHandler, type SignInOptions } from './sign-in.js';
