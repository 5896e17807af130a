/**
 * What specs import as fast-check: the same cases in every run, so that a run says something about a change and not about luck.
 * RONDO_TEST_SEED tries others.
 */
import fc from '../node_modules/fast-check/lib/fast-check.js';

fc.configureGlobal({ seed: Number(process.env['RONDO_TEST_SEED'] ?? '20010101') });

export * from '../node_modules/fast-check/lib/fast-check.js';
export default fc;
