import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect, type Socket } from 'node:net';

/** A TCP connection that does what no honest client does. */
export class RawCaller {
  readonly #socket: Socket;
  #received = '';
  #closed = false;
  readonly #connected: Promise<void>;

  constructor(port: number, host = '127.0.0.1') {
    this.#socket = connect(port, host);
    this.#connected = new Promise((resolve) => this.#socket.once('connect', resolve));
    this.#socket.on('data', (data) => (this.#received += data.toString('latin1')));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => (this.#closed = true));
  }

  /** What came back so far, as Latin-1. */
  get received(): string {
    return this.#received;
  }

  /** True once the server has ended the connection, or this caller has. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Sends text as it is. */
  async send(text: string): Promise<void> {
    await this.#connected;
    if (!this.#closed) this.#socket.write(text, 'latin1');
  }

  /** Ends the connection with a TCP reset. */
  async reset(): Promise<void> {
    await this.#connected;
    this.#socket.resetAndDestroy();
  }

  /** Closes without a word to the server. */
  leave(): void {
    this.#socket.destroy();
  }
}

/** A body sent as chunks of one byte each, with its final chunk. */
export function oneByteChunks(body: string): string {
  return `${[...body].map((byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`;
}

/**
 * A gRPC call whose request message never becomes complete: its length promises a megabyte, one byte follows.
 * Resolves to the `grpc-status` the server ends it with, and leaves the connection open until `session` is closed.
 */
export function unfinishedGrpcCall(
  port: number,
  path: string,
): { readonly session: ClientHttp2Session; readonly status: Promise<string> } {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const status = new Promise<string>((resolve, reject) => {
    const note = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers['grpc-status'] !== undefined) resolve(String(headers['grpc-status']));
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('error', reject);
  });
  stream.write(Buffer.from([0, 0, 16, 0, 0, 1]));
  return { session, status };
}
