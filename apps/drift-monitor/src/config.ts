import { defineConfig, type ConfigOf } from '@rondo/config';

/** Settings of the drift monitor. */
export const driftMonitorConfig = defineConfig({
  driftKeepDays: {
    type: 'int',
    default: '60',
    min: 1,
    max: 3650,
    unit: 'days',
    help: 'Served predictions older than this (in event time) are forgotten even when no batch closed their window.',
  },
});

/** The value of {@link driftMonitorConfig}. */
export type DriftMonitorConfig = ConfigOf<typeof driftMonitorConfig>;
