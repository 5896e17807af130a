export { oneByteChunks, RawCaller } from './bad-callers.js';
export { badCallersContract, TIGHT_LIMITS } from './bad-callers-contract.js';
export { FakeClock, nextTurn } from './fake-clock.js';
export { eventually } from './eventually.js';
export { withFullDisk } from './full-disk.js';
export { given, type Decider, type Outcome } from './given-when-then.js';
export { withRealServers, type RealServerName, type RealServers } from './real-server.js';
