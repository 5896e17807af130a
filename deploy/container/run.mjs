/**
 * What the image runs: the service, or the command, named by the first argument.
 * `training`, `control-plane` … · `cli ARGS…` is `rondo` · `tokens FOLDER` writes the first access tokens · `probe URL` ends with 0
 * when the address answers with success.
 */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const apps = fileURLToPath(new URL('../../apps/', import.meta.url));
const mainOf = (app) => `${apps}${app}/dist/main.js`;
const services = readdirSync(apps).filter((app) => existsSync(mainOf(app)) && !['cli', 'standalone'].includes(app));
const [, , name, ...args] = process.argv;

if (name === 'probe') {
  const ok = await fetch(args[0]).then(
    (response) => response.ok,
    () => false,
  );
  process.exit(ok ? 0 : 1);
} else if (name === 'tokens') {
  const { writeFirstTokens } = await import('./tokens.mjs');
  writeFirstTokens(args[0]);
} else if (name === 'cli') {
  process.argv.splice(2, 1);
  await import(mainOf('cli'));
} else if (services.includes(name)) {
  await import(mainOf(name));
} else {
  console.error(
    `${name ?? 'nothing'} is no service of this image; there are: ${services.join(', ')}, cli, tokens, probe`,
  );
  process.exit(64);
}
