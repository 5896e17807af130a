export type {
  Bus,
  Delivery,
  Envelope,
  Handler,
  Lag,
  ParkedMessage,
  ParkingLot,
  SubscribeOptions,
  Subscription,
} from './ports.js';
export type { AttemptRef, DeliveryRecords, PartitionRef } from './delivery-records.js';
export { checkEnvelope, PAYLOAD_BYTES_MAX } from './envelope-limits.js';
export { PARTITIONS, partitionOf } from './partition.js';
export { DEFAULT_RETRY_POLICY, verdictOn, type RetryPolicy, type Verdict } from './retry-policy.js';
export {
  GroupCommitter,
  logRowOf,
  SqliteBus,
  SqliteDatabase,
  type LogRow,
  type SqliteBusOptions,
} from './sqlite/index.js';
export {
  examineKafka,
  KafkaBus,
  type BusLog,
  type KafkaBusOptions,
  type KafkaCredentials,
  type KafkaReport,
  type TopicLayout,
  type TopicSettings,
} from './kafka/index.js';
export { MongoDeliveryRecords } from './mongo/index.js';
export {
  BUS_TRANSPORT,
  BusController,
  BusServer,
  HandleEvent,
  type Around,
  type BusServerOptions,
} from './nest/index.js';
