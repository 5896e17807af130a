import { unknownVariables, type Environment } from '@rondo/config';
import { apiConfig, runtimeConfig } from './config.js';

/** Variables that look like settings of the servers and are none. Those of other services may be set for all processes alike. */
export function misspeltVariables(environment: Environment): readonly string[] {
  return unknownVariables([runtimeConfig, apiConfig], environment).filter((name) =>
    /^RONDO_(KAFKA|MONGO|S3|TOKENS)/.test(name),
  );
}
