import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

const only = (sourceTag, onlyDependOnLibsWithTags, allowedExternalImports) => ({
  sourceTag,
  onlyDependOnLibsWithTags,
  ...(allowedExternalImports && { allowedExternalImports }),
});

/** Who may import whom; all matching rows apply at once. docs/architecture.md explains the layers. */
const layers = [
  only('type:kernel', ['type:kernel'], ['uuid']),
  only('type:contract', ['type:contract'], ['@bufbuild/*']),
  only('type:domain', ['type:domain', 'type:kernel'], ['@stdlib/*']),
  only('type:platform', ['type:platform', 'type:contract', 'type:domain', 'type:kernel']),
  only('type:service', ['type:domain', 'type:platform', 'type:contract', 'type:kernel']),
  only('type:standalone', ['type:service', 'type:domain', 'type:platform', 'type:contract', 'type:kernel']),
  only('type:ui', ['type:ui', 'type:contract', 'type:kernel']),
  only('type:testing', ['type:testing', 'type:kernel']),
  { sourceTag: 'runtime:browser', notDependOnLibsWithTags: ['runtime:node'] },
];
/** Specs and the exported contract suites see the test tools as well. */
const layersOfTests = layers.map((row) =>
  row.onlyDependOnLibsWithTags
    ? {
        sourceTag: row.sourceTag,
        onlyDependOnLibsWithTags: [
          ...row.onlyDependOnLibsWithTags,
          'type:testing',
          'type:platform',
          'type:domain',
          'type:contract',
        ],
      }
    : row,
);

const boundaries = (depConstraints, allow) => [
  'error',
  {
    enforceBuildableLibDependency: false,
    allowCircularSelfDependency: true,
    banTransitiveDependencies: false,
    allow,
    depConstraints,
  },
];

const TESTS = ['**/*.spec.ts', '**/testing/**/*.ts', '**/tests/**/*.ts'];
const PURE = [
  'libs/kernel/src/**/*.ts',
  'libs/statistics/src/**/*.ts',
  'libs/learners/src/**/*.ts',
  'apps/*/src/domain/**/*.ts',
];

export default [
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      'libs/contracts/src/gen/**',
      '.nx/**',
      '**/*.mjs',
      '**/*.cjs',
      '**/*.js',
      '**/fixtures/**',
      'apps/console/vite.config.ts',
    ],
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: ['./tsconfig.lint.json'], tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@typescript-eslint': tseslint.plugin, '@nx': nx },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@nx/enforce-module-boundaries': boundaries(layers, []),
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { allowDefaultCaseForExhaustiveSwitch: true, considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: ['@rondo/*/src/*', '@rondo/*/testing'], message: 'Import a package by its public entry.' },
          ],
        },
      ],
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only shells read the environment; pass the parsed configuration in.',
        },
      ],
    },
  },
  {
    files: PURE,
    ignores: TESTS,
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: [
                'node:*',
                '@nestjs/*',
                '@rondo/journal',
                '@rondo/messaging',
                '@rondo/service',
                '@rondo/contracts',
              ],
              message: 'Domain code is pure.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['libs/learners/src/**/*.ts', 'libs/statistics/src/**/*.ts'],
    ignores: TESTS,
    rules: { 'no-restricted-globals': ['error', 'process', 'setTimeout', 'fetch'] },
  },
  {
    files: TESTS,
    rules: {
      '@nx/enforce-module-boundaries': boundaries(layersOfTests, []),
      'max-lines-per-function': 'off',
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['@rondo/*/src/*'], message: 'Import a package by its public entry.' }] },
      ],
      'no-restricted-properties': 'off',
    },
  },
  { files: ['**/main.ts', 'apps/console/**'], rules: { 'no-restricted-properties': 'off' } },
];
