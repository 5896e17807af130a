import kafkajs from 'kafkajs';

/**
 * A process that is none of Rondo's and becomes a member of its groups for moments, again and again: each time partitions change hands
 * twice. It handles nothing and commits nothing.
 */
export class ForeignMember {
  /** How often each group took it in. */
  readonly joined = new Map<string, number>();
  /** How many messages it was given. */
  given = 0;
  /** Partitions of which more was committed, while they were its own, than was committed before. */
  readonly committed: string[] = [];
  readonly #kafka: kafkajs.Kafka;
  readonly #admin: kafkajs.Admin;
  readonly #ending = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  private constructor(kafka: kafkajs.Kafka) {
    this.#kafka = kafka;
    this.#admin = kafka.admin();
  }

  /**
   * @param groups as the cluster names them
   * @param everyMs how long it stays, and stays away: so often the members of a group change
   */
  static async begin(kafka: kafkajs.Kafka, groups: readonly string[], everyMs: number): Promise<ForeignMember> {
    const member = new ForeignMember(kafka);
    await member.#admin.connect();
    member.#running = Promise.all(groups.map((group) => member.#comeAndGo(group, everyMs)));
    member.#running.catch(() => undefined);
    return member;
  }

  /** Leaves all groups for good. */
  async stop(): Promise<void> {
    this.#ending.abort();
    try {
      await this.#running;
    } finally {
      await this.#admin.disconnect();
    }
  }

  async #comeAndGo(group: string, everyMs: number): Promise<void> {
    const topics = await this.#topicsOf(group);
    while (!this.#ending.signal.aborted) {
      // Who cannot join a group that is changing comes again.
      await this.#visit(group, topics, everyMs).catch(() => undefined);
      await this.#pause(everyMs);
    }
  }

  async #visit(group: string, topics: string[], staysMs: number): Promise<void> {
    const consumer = this.#kafka.consumer({ groupId: group, allowAutoTopicCreation: false, maxWaitTimeInMs: 50 });
    const { GROUP_JOIN, CRASH } = consumer.events;
    const joined = new Promise<void>((resolve, reject) => {
      consumer.on(GROUP_JOIN, () => resolve());
      consumer.on(CRASH, ({ payload }) => reject(payload.error));
    });
    joined.catch(() => undefined);
    await consumer.connect();
    try {
      await consumer.subscribe({ topics });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async ({ batch, resolveOffset }) => {
          await this.#take(group, batch);
          // On to the next batch; nothing is committed by that.
          resolveOffset(batch.lastOffset());
        },
      });
      await joined;
      await this.#pause(staysMs);
      this.joined.set(group, (this.joined.get(group) ?? 0) + 1);
    } finally {
      await consumer.disconnect();
    }
  }

  /** While the partition is its own nobody else can commit for it. */
  async #take(group: string, { topic, partition, messages }: kafkajs.Batch): Promise<void> {
    this.given += messages.length;
    const [found] = await this.#admin.fetchOffsets({ groupId: group, topics: [topic] });
    const committed = Number(found?.partitions.find((known) => known.partition === partition)?.offset ?? -1);
    if (committed > Number(messages[0]!.offset)) this.committed.push(`${group} ${topic}/${partition}`);
  }

  /** Who leads a group gives its members the topics that it reads itself, so these have to be the same. */
  async #topicsOf(group: string): Promise<string[]> {
    const { groups } = await this.#admin.describeGroups([group]);
    const members = groups.flatMap(({ members }) => members);
    const topics = members.map(
      ({ memberMetadata }) => kafkajs.AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? [],
    );
    return [...new Set(topics.flat())];
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#ending;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const timer = setTimeout(resolve, ms);
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}
