import { PermanentError } from '@rondo/kernel';
import type { Bus, Envelope, ParkingLot, Subscription } from '@rondo/messaging';

/** A bus that only tells what is published to it, for specs of what a journal publishes. */
export class RecordingBus implements Bus {
  readonly system = 'rondo';
  readonly parked: ParkingLot = { list: () => Promise.resolve([]), replay: () => Promise.resolve(false) };
  readonly #record: (messages: readonly Envelope[]) => void | Promise<void>;

  /** @param record called with every publication; it may reject, or take its time */
  constructor(record: (messages: readonly Envelope[]) => void | Promise<void>) {
    this.#record = record;
  }

  async publish(messages: readonly Envelope[]): Promise<void> {
    await this.#record(messages);
  }

  subscribe(): Promise<Subscription> {
    return Promise.reject(new PermanentError('failed-precondition', 'nothing can be read from a recording bus'));
  }

  lag(): Promise<[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
