/** The first access tokens of an installation: one for a person who may do everything, one for Prometheus. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../libs/kernel/dist/index.js';
import { TokenFile } from '../../libs/security/dist/index.js';

const FIRST = [
  { file: 'admin-token', principal: 'admin', roles: ['admin'] },
  { file: 'metrics-token', principal: 'service:prometheus', roles: ['viewer'] },
];

/**
 * Writes `tokens.json` (hashes) and one file for each token into the folder, unless `tokens.json` is there already.
 * @param {string} folder must exist and belong to the user that runs the services
 */
export function writeFirstTokens(folder) {
  if (existsSync(join(folder, 'tokens.json'))) return;
  const tokens = new TokenFile(folder, systemClock);
  for (const { file, principal, roles } of FIRST) {
    const { token } = tokens.create({ principal, roles });
    writeFileSync(join(folder, file), `${token}\n`, { mode: file === 'metrics-token' ? 0o644 : 0o600 });
  }
}
