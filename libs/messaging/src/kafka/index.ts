export { examineKafka, type KafkaReport } from './examine-kafka.js';
export { KafkaBus } from './kafka-bus.js';
export {
  type BusLog,
  type KafkaBusOptions,
  type KafkaCredentials,
  type TopicLayout,
  type TopicSettings,
} from './kafka-bus-options.js';
