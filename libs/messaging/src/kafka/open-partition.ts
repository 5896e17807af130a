import type { PartitionRef } from '../delivery-records.js';

/** Messages of one partition held in memory before fetching it pauses; it goes on at half of that. */
const HELD_MAX = 2048;
const HELD_BYTES_MAX = 8 * 1024 * 1024;

/** How far a group has come on a partition that this process reads. */
export class OpenPartition {
  readonly ref: PartitionRef;
  /** False until it is known which of its messages are parked or suspected. */
  opened = false;
  /** What the consumer was last told. */
  fetching = true;
  /** Offset of the next message to take in; undefined before the first. */
  cursor: number | undefined;
  /** Offset last committed by this process. */
  committed: number | undefined;
  /** Messages below it were in the log when a process died; 0 when none did. */
  suspectBelow = 0;
  /** Beginnings without an end, by offset. */
  readonly starts = new Map<number, number>();
  /** Places, and ids of the messages there, that are set aside and must not be handled by themselves. */
  readonly #setAside = new Set<string>();
  /** Taken in and not yet handled: offset → time of publication. In order of offset. */
  readonly #unfinished = new Map<number, number>();
  #bytes = 0;

  constructor(ref: PartitionRef) {
    this.ref = ref;
  }

  get unfinished(): number {
    return this.#unfinished.size;
  }

  /** Time of publication of the oldest message taken in and not yet handled. */
  get oldestMs(): number | undefined {
    const [first] = this.#unfinished.values();
    return first;
  }

  /** Everything before it is handled or parked; undefined before the first message. */
  get passed(): number | undefined {
    const [first] = this.#unfinished.keys();
    return first ?? this.cursor;
  }

  get full(): boolean {
    return this.#unfinished.size >= HELD_MAX || this.#bytes >= HELD_BYTES_MAX;
  }

  get hasRoom(): boolean {
    return this.#unfinished.size <= HELD_MAX / 2 && this.#bytes <= HELD_BYTES_MAX / 2;
  }

  suspects(offset: number): boolean {
    return offset < this.suspectBelow || this.starts.has(offset);
  }

  setAside(offset: number, messageId: string): void {
    this.#setAside.add(`${offset}\n${messageId}`);
  }

  isSetAside(offset: number, messageId: string): boolean {
    return this.#setAside.size > 0 && this.#setAside.has(`${offset}\n${messageId}`);
  }

  hold(offset: number, timeMs: number, bytes: number): void {
    this.#unfinished.set(offset, timeMs);
    this.#bytes += bytes;
  }

  finish(offset: number, bytes: number): void {
    if (this.#unfinished.delete(offset)) this.#bytes -= bytes;
  }
}
