import type { Clock } from '@rondo/kernel';
import type { Envelope, SqliteBus } from '@rondo/messaging';
import type { TimerChange } from '../units/buffered-unit.js';

const FIRED_PER_TRANSACTION_MAX = 500;
const RETRY_MS = 1000;

/** Durable timers of all services; what comes due moves to the bus log, once, in the transaction that removes it. */
export class TimerTable {
  readonly #bus: SqliteBus;
  readonly #clock: Clock;
  #armedForMs: number | undefined;
  #cancelWake: () => void = () => undefined;
  #closed = false;

  constructor(bus: SqliteBus, clock: Clock) {
    this.#bus = bus;
    this.#clock = clock;
  }

  /** To be called inside a transaction. */
  apply(service: string, timers: Iterable<TimerChange>): void {
    for (const { id, due } of timers) {
      if (!due) {
        this.#bus.database.statement('DELETE FROM timer WHERE service = ? AND id = ?').run(service, id);
        continue;
      }
      const { envelope } = due;
      this.#bus.database
        .statement(
          `INSERT OR REPLACE INTO timer(service, id, due_at_ms, message_id, type, topic, key, headers, payload)
           VALUES(?,?,?,?,?,?,?,?,?)`,
        )
        .run(
          service,
          id,
          due.atMs,
          envelope.id,
          envelope.type,
          envelope.topic,
          envelope.key,
          JSON.stringify(envelope.headers),
          envelope.payload,
        );
    }
  }

  /** Waits for the earliest timer; to be called after every commit that changed timers. */
  arm(): void {
    if (this.#closed || !this.#bus.database.isOpen) return;
    const row = this.#bus.database.statement('SELECT min(due_at_ms) AS due FROM timer').get() as { due: number | null };
    if (row.due === null) this.#wakeAt(undefined);
    else if (row.due !== this.#armedForMs) this.#wakeAt(row.due);
  }

  close(): void {
    this.#closed = true;
    this.#wakeAt(undefined);
  }

  #wakeAt(atMs: number | undefined): void {
    this.#cancelWake();
    this.#armedForMs = atMs;
    this.#cancelWake = atMs === undefined ? () => undefined : this.#clock.wakeAt(atMs, () => void this.#fire());
  }

  async #fire(): Promise<void> {
    this.#armedForMs = undefined;
    if (this.#closed) return;
    try {
      await this.#bus.database.committer.submit(() => this.#moveDue());
      this.arm();
    } catch {
      // The store could not commit (a full disk, for example); the timers are still there.
      if (!this.#closed) this.#wakeAt(this.#clock.now() + RETRY_MS);
    }
  }

  #moveDue(): void {
    const nowMs = this.#clock.now();
    const rows = this.#bus.database
      .statement('SELECT * FROM timer WHERE due_at_ms <= ? ORDER BY due_at_ms, service, id LIMIT ?')
      .all(nowMs, FIRED_PER_TRANSACTION_MAX);
    for (const row of rows) {
      const envelope: Envelope = {
        id: row['message_id'] as string,
        type: row['type'] as string,
        topic: row['topic'] as string,
        key: row['key'] as string,
        source: `rondo/${row['service'] as string}`,
        timeMs: nowMs,
        payload: row['payload'] as Uint8Array,
        headers: JSON.parse(row['headers'] as string) as Record<string, string>,
      };
      this.#bus.appendInTransaction([envelope]);
      this.#bus.database
        .statement('DELETE FROM timer WHERE service = ? AND id = ?')
        .run(row['service'] as string, row['id'] as string);
    }
  }
}
