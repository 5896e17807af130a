import { defineConfig, type ConfigOf } from '@rondo/config';

/** Settings of the control-plane. */
export const controlPlaneConfig = defineConfig({
  webhookSecret: {
    type: 'string',
    secret: true,
    optional: true,
    help: 'Key that signs webhook deliveries (Standard Webhooks, HMAC-SHA256); without it they are not signed.',
  },
});

export type ControlPlaneConfig = ConfigOf<typeof controlPlaneConfig>;
