import type { GatewayConfig } from '../config.js';

/** A gateway for specs: on free ports, one scorer thread, its state in `folder`. */
export function testConfig(folder: string, changes: Partial<GatewayConfig> = {}): GatewayConfig {
  return {
    gatewayHost: '127.0.0.1',
    gatewayHttpPort: 0,
    gatewayGrpcPort: 0,
    gatewayStateFolder: folder,
    gatewayScorerThreads: 1,
    gatewayShadowRowsMax: 1_000,
    gatewayLogBytesMax: 1_000_000,
    ...changes,
  };
}
