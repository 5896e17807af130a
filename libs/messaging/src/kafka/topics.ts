import { PermanentError } from '@rondo/kernel';
import kafkajs from 'kafkajs';
import { PAYLOAD_BYTES_MAX } from '../envelope-limits.js';
import type { KafkaBusOptions, TopicSettings } from './kafka-bus-options.js';

const MEBIBYTE = 2 ** 20;
/** One payload, its headers, and what Kafka puts around them. */
const MESSAGE_BYTES = PAYLOAD_BYTES_MAX + MEBIBYTE;
const DEFAULTS = { partitions: 16, replicationFactor: 1, minInSyncReplicas: 1, retentionMs: 7 * 24 * 3_600_000 };

type Layout = typeof DEFAULTS & { readonly name: string };

/** The topics of an installation by their names in the cluster. */
export class Topics {
  readonly #prefix: string;
  readonly #layouts: ReadonlyMap<string, Layout>;

  /** Throws PermanentError `invalid` for a layout that no cluster could have. */
  constructor({
    topics,
    topicLayout = {},
    namespace = '',
  }: Pick<KafkaBusOptions, 'topics' | 'topicLayout' | 'namespace'>) {
    this.#prefix = namespace;
    const settings = topics.map((topic): TopicSettings => (typeof topic === 'string' ? { name: topic } : topic));
    this.#layouts = new Map(settings.map((topic) => [topic.name, checked({ ...DEFAULTS, ...topicLayout, ...topic })]));
  }

  has(topic: string): boolean {
    return this.#layouts.has(topic);
  }

  /** Name in the cluster. */
  clusterName(topic: string): string {
    return this.#prefix + topic;
  }

  /** Name inside the installation. */
  nameOf(clusterName: string): string {
    return clusterName.slice(this.#prefix.length);
  }

  /** Throws PermanentError `not-found` for a topic that is not part of the installation. */
  require(topic: string): string {
    if (this.has(topic)) return this.clusterName(topic);
    throw new PermanentError('not-found', `topic ${topic} is not among the topics of this bus`, {
      field: 'topic',
      value: topic,
      rule: 'one of the topics the bus was opened with',
    });
  }

  /**
   * Makes the topics that are missing and checks the others.
   * @throws PermanentError `failed-precondition` listing every topic that falls short: what was found, what is needed, what to do
   */
  async ensure(admin: kafkajs.Admin): Promise<void> {
    const existing = new Set(await admin.listTopics());
    const layouts = [...this.#layouts.values()];
    const missing = layouts.filter(({ name }) => !existing.has(this.clusterName(name)));
    if (missing.length > 0) await this.#create(admin, missing);
    // Those just made are looked at too: another process may have been quicker, with another layout.
    await this.#refuseShort(admin, layouts);
  }

  /**
   * Looks at the topics and changes nothing.
   * @throws PermanentError as {@link ensure} does, for topics that exist and fall short
   */
  async examine(
    admin: kafkajs.Admin,
  ): Promise<{ readonly present: readonly string[]; readonly missing: readonly string[] }> {
    const existing = new Set(await admin.listTopics());
    const isThere = ({ name }: Layout): boolean => existing.has(this.clusterName(name));
    const layouts = [...this.#layouts.values()];
    const present = layouts.filter(isThere);
    if (present.length > 0) await this.#refuseShort(admin, present);
    const names = (of: readonly Layout[]): string[] => of.map(({ name }) => this.clusterName(name));
    return { present: names(present), missing: names(layouts.filter((layout) => !isThere(layout))) };
  }

  async #refuseShort(admin: kafkajs.Admin, layouts: readonly Layout[]): Promise<void> {
    const problems = await this.#shortcomings(admin, layouts);
    if (problems.length === 0) return;
    throw new PermanentError('failed-precondition', problems.map(({ text }) => text).join('; '), {
      field: 'topics',
      value: problems.map(({ topic }) => topic).join(', '),
      rule: 'topics with at least the stated partitions, copies and retention',
    });
  }

  async #create(admin: kafkajs.Admin, layouts: readonly Layout[]): Promise<void> {
    await admin.createTopics({
      waitForLeaders: true,
      topics: layouts.map(({ name, partitions, replicationFactor, minInSyncReplicas, retentionMs }) => ({
        topic: this.clusterName(name),
        numPartitions: partitions,
        replicationFactor,
        configEntries: [
          { name: 'min.insync.replicas', value: String(minInSyncReplicas) },
          { name: 'retention.ms', value: String(retentionMs) },
          { name: 'max.message.bytes', value: String(MESSAGE_BYTES) },
          // Events may be told of long after their own time: retention counts from their arrival.
          { name: 'message.timestamp.type', value: 'LogAppendTime' },
        ],
      })),
    });
  }

  async #shortcomings(admin: kafkajs.Admin, layouts: readonly Layout[]): Promise<{ topic: string; text: string }[]> {
    const names = layouts.map(({ name }) => this.clusterName(name));
    const { topics } = await admin.fetchTopicMetadata({ topics: names });
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: names.map((name) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configNames: ['min.insync.replicas', 'retention.ms', 'max.message.bytes'],
      })),
    });
    return layouts.flatMap((layout) => {
      const topic = this.clusterName(layout.name);
      const partitions = topics.find(({ name }) => name === topic)!.partitions;
      const config = new Map(
        resources
          .find(({ resourceName }) => resourceName === topic)!
          .configEntries.map(({ configName, configValue }) => [configName, Number(configValue)]),
      );
      return shortcomingsOf(topic, layout, partitions, config).map((text) => ({ topic, text }));
    });
  }
}

function checked(layout: Layout): Layout {
  const whole: [keyof typeof DEFAULTS, number][] = [
    ['partitions', 1],
    ['replicationFactor', 1],
    ['minInSyncReplicas', 1],
    ['retentionMs', -1],
  ];
  for (const [field, least] of whole) {
    if (Number.isSafeInteger(layout[field]) && layout[field] >= least) continue;
    throw refused(layout, field, `a whole number from ${least}`);
  }
  if (layout.minInSyncReplicas > layout.replicationFactor)
    throw refused(layout, 'minInSyncReplicas', `at most the replication factor, ${layout.replicationFactor}`);
  return layout;
}

function refused(layout: Layout, field: keyof typeof DEFAULTS, rule: string): PermanentError {
  return new PermanentError('invalid', `topic ${layout.name}: ${field} is ${layout[field]}, it must be ${rule}`, {
    field: `topics.${layout.name}.${field}`,
    value: layout[field],
    rule,
  });
}

function shortcomingsOf(
  topic: string,
  wanted: Layout,
  partitions: readonly kafkajs.PartitionMetadata[],
  config: ReadonlyMap<string, number>,
): string[] {
  const problems: string[] = [];
  const copies = Math.min(...partitions.map(({ replicas }) => replicas.length));
  if (partitions.length < wanted.partitions)
    problems.push(
      `topic ${topic} has ${partitions.length} partitions, ${wanted.partitions} are needed: stop every service, let the groups catch up, ` +
        `then kafka-topics.sh --alter --topic ${topic} --partitions ${wanted.partitions}, or ask for fewer partitions`,
    );
  if (copies < wanted.replicationFactor)
    problems.push(
      `topic ${topic} has ${copies} copies of a partition, ${wanted.replicationFactor} are needed: kafka-reassign-partitions.sh adds some`,
    );
  const least = [
    ['min.insync.replicas', wanted.minInSyncReplicas],
    ['retention.ms', wanted.retentionMs === -1 ? Infinity : wanted.retentionMs],
    ['max.message.bytes', MESSAGE_BYTES],
  ] as const;
  for (const [name, needed] of least) {
    const found = config.get(name);
    if (found === undefined || found >= needed || (name === 'retention.ms' && found === -1)) continue;
    const value = needed === Infinity ? -1 : needed;
    problems.push(
      `topic ${topic} has ${name}=${found}, ${value} is needed: ` +
        `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${name}=${value}`,
    );
  }
  return problems;
}
