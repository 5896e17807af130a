export { InferenceGatewayModule, type GatewayOptions } from './gateway.module.js';
export { InferenceGateway, type GatewayAddresses } from './inference-gateway.js';
export { gatewayConfig, type GatewayConfig } from './config.js';
