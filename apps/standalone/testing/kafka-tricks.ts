import { randomBytes } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { PrepareSnapshotSchema, topicOf } from '@rondo/contracts';
import kafkajs from 'kafkajs';
import { ForeignMember } from './foreign-member.js';

/** What others can do to the topics and groups of an installation. */
export class KafkaTricks {
  private readonly kafka: kafkajs.Kafka;

  constructor(
    broker: string,
    private readonly namespace: string,
  ) {
    this.kafka = new kafkajs.Kafka({ brokers: [broker], clientId: 'tricks', logLevel: kafkajs.logLevel.NOTHING });
  }

  /**
   * Puts onto the topic of commands for data-prep: bytes that are no event, an event whose payload is no message of its type, one
   * whose message breaks the rules of its schema, and one without a key.
   * @returns how many messages that were
   */
  async poison(): Promise<number> {
    const { typeName } = PrepareSnapshotSchema;
    const broken = Buffer.from(toBinary(PrepareSnapshotSchema, create(PrepareSnapshotSchema)));
    const headers = (id: string): Record<string, string> => ({
      ce_specversion: '1.0',
      ce_id: id,
      ce_type: typeName,
      ce_source: 'urn:spec:poison',
      ce_time: '2001-01-01T00:00:00.000Z',
      'content-type': 'application/protobuf',
    });
    const messages = [
      { key: 'flight-delay', value: randomBytes(200) },
      { key: 'flight-delay', value: Buffer.alloc(200, 0xff), headers: headers('poison-payload') },
      { key: 'flight-delay', value: broken, headers: headers('poison-schema') },
      { key: null, value: broken, headers: headers('poison-key') },
    ];
    const producer = this.kafka.producer({ allowAutoTopicCreation: false });
    await producer.connect();
    try {
      await producer.send({ topic: this.namespace + topicOf(PrepareSnapshotSchema), messages });
    } finally {
      await producer.disconnect();
    }
    return messages.length;
  }

  /** Changes the members of the groups again and again, so many ms apart, until it is told to stop. */
  async disquiet(groups: readonly string[], everyMs: number): Promise<ForeignMember> {
    const members = groups.map((group) => this.namespace + group);
    return ForeignMember.begin(this.kafka, members, everyMs);
  }

  /**
   * Sets the group back to the oldest message of everything it reads. Nobody may be in the group.
   * @returns how many messages it will be given again
   */
  async replayFromTheBeginning(group: string): Promise<number> {
    return this.asAdmin(async (admin) => {
      const groupId = this.namespace + group;
      let again = 0;
      for (const { topic, partitions } of await admin.fetchOffsets({ groupId })) {
        again += partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
        await admin.resetOffsets({ groupId, topic, earliest: true });
      }
      return again;
    });
  }

  /** How many processes the broker takes for members of the group. */
  members(group: string): Promise<number> {
    return this.asAdmin(async (admin) => {
      const { groups } = await admin.describeGroups([this.namespace + group]);
      return groups.reduce((sum, { members }) => sum + members.length, 0);
    });
  }

  private async asAdmin<T>(use: (admin: kafkajs.Admin) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  }
}
