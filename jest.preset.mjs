import { fileURLToPath } from 'node:url';

/** One Jest project per workspace project; TypeScript is compiled by swc, straight from source. */
export default {
  // Generous, because a laptop may be busy: a test waits for conditions, never for time.
  testTimeout: 60_000,
  testEnvironment: fileURLToPath(new URL('./tools/jest-environment.cjs', import.meta.url)),
  testEnvironmentOptions: { customExportConditions: ['@rondo/source', 'node', 'node-addons'] },
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/testing/**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^fast-check$': fileURLToPath(new URL('./tools/seeded-fast-check.mjs', import.meta.url)),
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
};
