import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type kafkajs from 'kafkajs';

const require = createRequire(import.meta.url);
const socketOf = (require('kafkajs/src/network/socketFactory') as () => kafkajs.ISocketFactory)();

/**
 * The connections of one client. kafkajs 2.2.4 that is told to disconnect between two looks for a topic that is gone connects
 * for the next look, and leaves the connection open.
 */
export class Connections {
  readonly #open = new Set<Socket>();
  #closed = false;

  /** For the configuration of the client. */
  readonly socketFactory: kafkajs.ISocketFactory = (target) => {
    const socket = socketOf(target);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    if (this.#closed) this.#end(socket);
    return socket;
  };

  /** Ends those that are left, and at once every further one. */
  close(): void {
    this.#closed = true;
    for (const socket of this.#open) this.#end(socket);
  }

  /** With an error, on which kafkajs also stops the timers of the connection. */
  #end(socket: Socket): void {
    socket.destroy(new Error('the bus is closed'));
  }
}
