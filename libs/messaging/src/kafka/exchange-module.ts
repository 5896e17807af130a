import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Has every later `require` of a CommonJS module in this process get something else. Where modules are not cached (Jest), nothing changes. */
export function exchangeModule(path: string, exports: unknown): void {
  require(path);
  const loaded = require.cache[require.resolve(path)];
  if (loaded) loaded.exports = exports;
}
