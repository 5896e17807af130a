import type { ConnectionOptions } from 'node:tls';
import type { Clock, Random } from '@rondo/kernel';
import type { DeliveryRecords } from '../delivery-records.js';
import type { ParkedMessage } from '../ports.js';
import type { RetryPolicy } from '../retry-policy.js';

/** Who the brokers are told we are; send it over TLS only. */
export interface KafkaCredentials {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** How topics are made, and what those that exist must offer at least. */
export interface TopicLayout {
  /** Keys are spread over them; also the largest number of processes that can share the work of one group. Default 16. */
  readonly partitions?: number;
  /** Copies of each message; 3 in production. Default 1. */
  readonly replicationFactor?: number;
  /** Copies that must have a message before it counts as published; 2 in production. Default 1. */
  readonly minInSyncReplicas?: number;
  /** How long messages are kept, counted from their arrival at the broker. Default 7 days; -1 keeps them for ever. */
  readonly retentionMs?: number;
}

/** One topic, with what differs from the layout of the others. */
export interface TopicSettings extends TopicLayout {
  readonly name: string;
}

/** Receives what is worth telling an operator, and in `debug` each try of the client to connect. A `Logger` of `@rondo/telemetry` fits. */
export interface BusLog {
  debug(message: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  info(message: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
  warn(message: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
}

/** Settings of the bus on Kafka. */
export interface KafkaBusOptions {
  /** `host:port` of some brokers; the rest are found through them. */
  readonly brokers: readonly string[];
  /** Name of this process in the broker's logs and quotas. */
  readonly clientId: string;
  /** TLS: `true` with the machine's trusted authorities, or the options of `tls.connect`. */
  readonly ssl?: boolean | ConnectionOptions;
  readonly sasl?: KafkaCredentials;
  /** Topics this installation publishes to or reads; made at start when they are missing, checked when they exist. */
  readonly topics: readonly (string | TopicSettings)[];
  readonly topicLayout?: TopicLayout;
  /** Put before the names of topics and groups in the cluster, so that installations can share one. Default none. */
  readonly namespace?: string;
  /** Where parked messages and begun attempts are kept. */
  readonly records: DeliveryRecords;
  readonly clock?: Clock;
  /** Spreads the retries. */
  readonly random?: Random;
  readonly retry?: RetryPolicy;
  /** Told of every message that is set aside. */
  readonly onParked?: (message: ParkedMessage) => void;
  readonly log?: BusLog;
  /** Silence after which a member of a group is taken for dead, in ms, 6000 to 1,800,000 by most brokers' rules. Default 30,000. */
  readonly sessionTimeoutMs?: number;
}
