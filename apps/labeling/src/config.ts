import type { ConfigOf, ConfigSchema } from '@rondo/config';

/** Settings of the labeling service. */
export const labelingConfig = {
  labelingLeaseMs: {
    type: 'duration',
    default: '10m',
    min: 1_000,
    max: 86_400_000,
    help: 'How long a task stays with the annotator who took it, unless they ask again.',
  },
  labelingOpenTimeoutMs: {
    type: 'duration',
    default: '5m',
    min: 1_000,
    max: 86_400_000,
    help: 'Longest time to read the rows, score them and open a campaign.',
  },
} as const satisfies ConfigSchema;

/** The value of {@link labelingConfig}. */
export type LabelingConfig = ConfigOf<typeof labelingConfig>;
