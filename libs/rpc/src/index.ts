export {
  frontDoor,
  principalOf,
  type FrontDoorOptions,
  type Mount,
  type ReadinessCheck,
  type RunningFrontDoor,
} from './front-door.js';
export { forwardTo, type Forwarder, type ForwardOptions } from './forward.js';
export { StreamHub, type StreamHubOptions, type StreamItem } from './stream-hub.js';
export { grpcClient, grpcConnection, type GrpcClientOptions, type GrpcConnection } from './grpc-client.js';
export { connectClient, type ConnectClientOptions } from './connect-client.js';
export { writeProblem } from './problem.js';
export {
  encodeDetail,
  ERROR_HEADER,
  errorFromWire,
  failureOf,
  httpStatusOf,
  RpcFailure,
  STATUS,
  type WireDetail,
} from './wire-error.js';
export { CALLER_LIMITS, limitedGrpc, limitedHttpServer, type CallerLimits } from './caller-limits.js';
export { CallChain, type CallChainOptions, type IncomingCall } from './call-chain.js';
export { routesOf, type RpcRoute } from './routes.js';
export { HealthStatus } from './grpc-health.js';
export { startGrpcServer, type GrpcServerOptions, type RunningGrpcServer } from './grpc-server.js';
