import { defineConfig, type ConfigOf } from '@rondo/config';

/** Settings of the control-plane. */
export const controlPlaneConfig = defineConfig({
  webhookSecret: {
    type: 'string',
    secret: true,
    default: '',
    help: 'Key that signs webhook deliveries (Standard Webhooks, HMAC-SHA256); empty signs with an empty key.',
  },
});

export type ControlPlaneConfig = ConfigOf<typeof controlPlaneConfig>;
