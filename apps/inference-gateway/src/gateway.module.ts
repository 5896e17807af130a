import { Module, type DynamicModule } from '@nestjs/common';
import type { CallerLimits } from '@rondo/rpc';
import { PLATFORM, type Platform } from '@rondo/service';
import type { GatewayConfig } from './config.js';
import { RoutingEvents } from './handlers/routing.events.js';
import { InferenceGateway } from './inference-gateway.js';
import type { Authenticate } from './protocol/gateway-api.js';

/** What the gateway needs besides the platform. */
export interface GatewayOptions {
  readonly config: GatewayConfig;
  /** Recognises callers; throws `unauthenticated`. */
  readonly authenticate: Authenticate;
  /** What a single caller may take; default the gateway's own. */
  readonly limits?: CallerLimits;
}

/** Wires the data plane; requests themselves never pass through Nest. */
@Module({})
export class InferenceGatewayModule {
  /** The gateway listens when the application starts; ask {@link InferenceGateway} for its addresses. */
  static forRoot({ config, authenticate, limits }: GatewayOptions): DynamicModule {
    const useFactory = (platform: Platform): InferenceGateway =>
      new InferenceGateway(platform, config, authenticate, limits);
    return {
      module: InferenceGatewayModule,
      controllers: [RoutingEvents],
      providers: [{ provide: InferenceGateway, inject: [PLATFORM], useFactory }],
    };
  }
}
