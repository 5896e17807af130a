import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { messageOf, TransientError } from '@rondo/kernel';

/** Syncs on demand, one after the other, and says how each went. */
const SYNCER = `const { parentPort, workerData } = require('node:worker_threads');
const { fdatasyncSync } = require('node:fs');
parentPort.on('message', () => {
  let failure;
  try { fdatasyncSync(workerData); } catch (error) { failure = String(error); }
  parentPort.postMessage(failure);
});`;

/**
 * Brings the write-ahead log of a database to the disk while this thread goes on. A thread of its own, because the pool of Node's own
 * threads may be full of queries for seconds.
 */
export class LogSync {
  readonly #path: string;
  #file: number | undefined;
  #worker: Worker | undefined;
  #waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  /** @param path the log, which exists from the first transaction to the end of the database */
  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when everything written to the log before the call survives a power cut. One call at a time. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#worker ??= this.#start();
      this.#worker.ref();
      this.#worker.postMessage(null);
    });
  }

  /** The same, holding up this thread. */
  syncNow(): void {
    fdatasyncSync(this.#open());
  }

  close(): void {
    void this.#worker?.terminate();
    this.#worker = undefined;
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #open(): number {
    return (this.#file ??= openSync(this.#path, 'r+'));
  }

  #start(): Worker {
    const worker = new Worker(SYNCER, {
      eval: true,
      workerData: this.#open(),
      name: 'rondo-log-sync',
      env: {},
      execArgv: [],
    });
    worker.on('message', (failure: string | undefined) => this.#end(worker, failure));
    worker.on('error', (error) => this.#end(worker, messageOf(error)));
    return worker;
  }

  #end(worker: Worker, failure: string | undefined): void {
    worker.unref();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (failure === undefined) waiting?.resolve();
    else waiting?.reject(new TransientError(`the log could not be brought to the disk: ${failure}`));
  }
}
