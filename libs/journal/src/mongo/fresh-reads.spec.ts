import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { TransientError } from '@rondo/kernel';
import { MongoNetworkError, ObjectId, type MongoClient } from 'mongodb';
import { FreshReads } from './fresh-reads.js';

describe('reads at a primary that may be new', () => {
  let client: EventEmitter;
  let reads: FreshReads;
  const steps: string[] = [];
  let catchUp: () => Promise<void>;
  const elected = (term: number, type = 'RSPrimary'): void => {
    const electionId = ObjectId.createFromHexString(term.toString(16).padStart(24, '0'));
    client.emit('serverDescriptionChanged', { newDescription: { type, address: 'a:1', electionId } });
  };
  const read = async (): Promise<string> => {
    steps.push('read');
    return Promise.resolve(`read ${steps.length}`);
  };
  beforeEach(() => {
    steps.length = 0;
    client = new EventEmitter();
    catchUp = () => Promise.resolve(void steps.push('catch up'));
    reads = new FreshReads(client as unknown as MongoClient, () => catchUp());
  });

  it('wait until it has caught up, together and once', async () => {
    elected(1);
    await Promise.all([reads.read(read), reads.read(read)]);
    await reads.read(read);
    elected(1);
    elected(2, 'RSSecondary');
    await reads.read(read);
    expect(steps).toEqual(['catch up', 'read', 'read', 'read', 'read']);
  });

  it('wait again once another is elected, and repeat what was under way', async () => {
    elected(1);
    await reads.read(read);
    const answered = reads.read(() => {
      if (steps.length === 2) elected(2);
      return read();
    });
    expect(await answered).toBe('read 5');
    expect(steps).toEqual(['catch up', 'read', 'read', 'catch up', 'read']);
  });

  it('fail as long as it does not catch up, and ask again then', async () => {
    catchUp = () => Promise.reject(new MongoNetworkError('connection closed'));
    await expect(reads.read(read)).rejects.toThrow(TransientError);
    expect(steps).toEqual([]);
    catchUp = () => Promise.resolve();
    expect(await reads.read(read)).toBe('read 1');
  });
});
