import { randomIds } from '@rondo/kernel';
import { connect, MAJORITY, type MongoAddress } from './connect.js';

/** A database as somebody sees it who is about to run Rondo on it. */
export interface MongoReport {
  readonly members: number;
  /** How far the server's clock is ahead of ours at least, in ms; negative when it is behind; 0 when they agree. */
  readonly skewMs: number;
}

/**
 * Looks at a database without changing it: address, credentials, replica set, versions, clocks, and, with a collection made and
 * dropped for it, the rights to write in a transaction.
 * @throws PermanentError as opening the store does; the message says what to do
 */
export async function examineMongo(address: MongoAddress): Promise<MongoReport> {
  const client = await connect(address);
  try {
    const db = client.db(address.database, MAJORITY);
    const sentMs = Date.now();
    const hello = await db.admin().command({ hello: 1 });
    const heardMs = Date.now();
    const serverMs = (hello['localTime'] as Date).getTime();
    const probe = await db.createCollection<{ _id: string }>(`doctor_${randomIds.next().replaceAll('-', '')}`);
    try {
      await client.withSession((session) =>
        session.withTransaction(async () => {
          await probe.insertOne({ _id: 'probe' }, { session });
          await probe.deleteOne({ _id: 'probe' }, { session });
        }),
      );
    } finally {
      await probe.drop();
    }
    const members = (hello['hosts'] as string[] | undefined)?.length ?? 0;
    return { members, skewMs: serverMs < sentMs ? serverMs - sentMs : Math.max(0, serverMs - heardMs) };
  } finally {
    await client.close();
  }
}
