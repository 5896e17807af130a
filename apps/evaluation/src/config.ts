import { defineConfig, type ConfigOf } from '@rondo/config';

/** Settings of the evaluation service. */
export const evaluationConfig = defineConfig({
  evaluationParallelism: {
    type: 'int',
    default: '1',
    min: 1,
    max: 16,
    help: 'Candidates judged at once in this process; more disturb the timing of each other.',
  },
  evaluationLatencyRequests: {
    type: 'int',
    default: '600',
    min: 20,
    max: 10_000,
    unit: 'requests',
    help: 'Requests that scoring is timed on, after a warm-up; from 368 on the 99th percentile has an upper bound, by which a gate can tell.',
  },
  modelBytes: {
    type: 'bytes',
    default: '64MiB',
    min: 1024,
    max: 1_073_741_824,
    help: 'Largest model file that is accepted.',
  },
});

/** The value of {@link evaluationConfig}. */
export type EvaluationConfig = ConfigOf<typeof evaluationConfig>;
