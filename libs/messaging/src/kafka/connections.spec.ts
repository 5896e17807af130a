import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Connections } from './connections.js';

describe('the connections of a client', () => {
  it('end when it is closed, those that kafkajs still makes as well', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const target = { host: '127.0.0.1', port, ssl: null as never, onConnect: (): void => undefined };
    const connections = new Connections();
    const before = connections.socketFactory(target);
    await once(before, 'connect');
    const errors = [once(before, 'error')];
    connections.close();
    const after = connections.socketFactory(target);
    errors.push(once(after, 'error'));
    for (const [error] of await Promise.all(errors)) expect(error).toMatchObject({ message: 'the bus is closed' });
    expect([before.destroyed, after.destroyed]).toEqual([true, true]);
    server.close();
    await once(server, 'close');
  });
});
