import preset from '../../jest.preset.mjs';

export default {
  ...preset,
  displayName: 'console',
  testMatch: ['<rootDir>/src/**/*.spec.ts', '<rootDir>/tests/**/*.spec.ts'],
  globalSetup: '<rootDir>/tests/build-when-stale.mjs',
};
