import type { ConfigOf, ConfigSchema } from '@rondo/config';

/** Settings of the rollout service. */
export const rolloutConfig = {
  rolloutPendingRequestsMax: {
    type: 'int',
    default: '5000',
    min: 1,
    max: 1_000_000,
    unit: 'requests',
    help: 'Served requests whose scores a rollout keeps until their labels come; beyond it the oldest is dropped and counted.',
  },
} as const satisfies ConfigSchema;

/** The value of {@link rolloutConfig}. */
export type RolloutConfig = ConfigOf<typeof rolloutConfig>;
