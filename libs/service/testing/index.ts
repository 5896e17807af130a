export { MemoryArtifacts } from './memory-artifacts.js';
export { MemoryLogger, SilentTelemetry, type LogLine, type RecordedSpan } from './silent-telemetry.js';
export { testPlatform, type PublishOptions, type Recorded, type TestPlatform } from './test-platform.js';
export { drain, rpcContext, testService, type TestService } from './test-service.js';
