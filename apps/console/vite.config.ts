import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

/**
 * The generated files name buf's validation options as an import. The browser never evaluates those rules (the server
 * does), so the page carries the file's name without its 150 kB of content.
 */
function withoutValidationRules(): Plugin {
  const replacement = fileURLToPath(new URL('src/api/validate-file.ts', import.meta.url));
  return {
    name: 'rondo-without-validation-rules',
    enforce: 'pre',
    resolveId: (source, importer) =>
      source.endsWith('/buf/validate/validate_pb.js') &&
      importer !== undefined &&
      /contracts[\\/]src[\\/]gen[\\/]rondo/.test(importer)
        ? replacement
        : null,
  };
}

/** Descriptors are only data: a file that no page uses is dropped although its package does not say so. */
const pureFolders = /[\\/]libs[\\/]contracts[\\/]|@rondo[\\/]contracts/;

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react(), withoutValidationRules()],
  resolve: { conditions: ['@rondo/source', 'module', 'browser', 'development|production'] },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    manifest: true,
    // Inlined assets would need `img-src data:` in the content security policy.
    assetsInlineLimit: 0,
    rolldownOptions: { treeshake: { moduleSideEffects: (id: string) => !pureFolders.test(id) } },
  },
  server: {
    port: 4710,
    proxy: Object.fromEntries(['/rondo.', '/v1', '/auth'].map((path) => [path, 'http://127.0.0.1:4700'])),
  },
});
