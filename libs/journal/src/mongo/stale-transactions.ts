import type { MongoClient, UUID } from 'mongodb';
import { APP_NAME } from './connect.js';

interface IdleSession {
  readonly lsid: { readonly id: UUID };
}

/**
 * Ends the transactions of other processes of this installation that have been open and idle for `idleMs`. One that was killed or
 * frozen in the middle of a transaction leaves it open, and what it has written locked, until the server's own limit
 * (`transactionLifetimeLimitSeconds`, a minute by default). A transaction that is ended too early is only tried again by its owner.
 * Needs no more rights than a user has over its own sessions.
 */
export async function endStaleTransactions(client: MongoClient, idleMs: number): Promise<void> {
  const admin = client.db('admin');
  const isStale = {
    type: 'idleSession',
    appName: APP_NAME,
    'transaction.timeInactiveMicros': { $gt: idleMs * 1000 },
  };
  const sessions = [{ $currentOp: { idleSessions: true } }, { $match: isStale }];
  // As a buffer the id of a session would come without its being a UUID.
  const stale = await admin.aggregate<IdleSession>(sessions, { promoteBuffers: false }).toArray();
  if (stale.length > 0) await admin.command({ killSessions: stale.map(({ lsid }) => ({ id: lsid.id })) });
}
