import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { PredictionsLoggedSchema } from '@rondo/contracts';
import type { Clock, Ids } from '@rondo/kernel';
import type { ServedModel, ServedRouting } from '../domain/served-routing.js';
import type { MessagePublisher } from './message-publisher.js';

/** Rows of one coalesced message. */
const ROWS_MAX = 512;
/** Longest wait of a single row for company. */
const WAIT_MS = 250;

/** What is logged of some rows; columns run in parallel, NaN where a model did not score the row. */
export interface LoggedRows {
  readonly keys: readonly string[];
  /** 1 where the split gives the row to the candidate. */
  readonly assigned: ArrayLike<number>;
  /** 1 where the candidate answered it. */
  readonly byCandidate: ArrayLike<number>;
  readonly championScores: ArrayLike<number>;
  readonly candidateScores: ArrayLike<number>;
  /** Row after row a byte for each feature that slices are by; empty when by none. */
  readonly slices: Uint8Array;
  /** Wall time per model over the rows that both scored; 0 when there are none. */
  readonly championLatencyMs: number;
  readonly candidateLatencyMs: number;
  /** Rows a model was asked for and did not score. */
  readonly championErrors: number;
  readonly candidateErrors: number;
  /** Requests a model was asked in, and those it failed in: one request counts once a model. */
  readonly championRequests: number;
  readonly championFailedRequests: number;
  readonly candidateRequests: number;
  readonly candidateFailedRequests: number;
}

/** What of single rows adds up in one message. */
const TOTALS = [
  'championLatencyMs',
  'candidateLatencyMs',
  'championErrors',
  'candidateErrors',
  'championRequests',
  'championFailedRequests',
  'candidateRequests',
  'candidateFailedRequests',
] as const;
type Totals = Pick<LoggedRows, (typeof TOTALS)[number]>;

/** A place in the log, given out with the answer and filled when the scores are complete. */
export interface LogPlace {
  /** What the caller hands back with the outcome. */
  readonly handle: string;
  fill(rows: LoggedRows): void;
}

/**
 * The record of what was answered. A request of many rows, or with an id, is a message of its own; other single rows are gathered for at most 250 ms
 * or 512 rows, because a message per row would cost more than the prediction.
 */
export class PredictionLog {
  readonly #open = new Map<string, OpenBatch>();

  constructor(
    private readonly publisher: MessagePublisher,
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  /** A place for a whole request; `requestId` is the caller's own id when it is not empty. */
  request(routing: ServedRouting, requestId: string, eventTimeMs: number): LogPlace {
    const handle = requestId === '' ? this.ids.next() : requestId;
    return {
      handle,
      fill: (rows) => this.#publish(routing, handle, eventTimeMs, rows),
    };
  }

  /** A place for one row. */
  row(routing: ServedRouting, eventTimeMs: number): LogPlace {
    let batch = this.#open.get(routing.endpoint);
    if (!batch || batch.routing !== routing) {
      if (batch) this.#close(batch);
      batch = this.#begin(routing);
    }
    const { place, full } = batch.take(eventTimeMs);
    if (full) this.#close(batch);
    return place;
  }

  /** Closes every open batch; what is still being scored is published when it is complete. */
  flush(): void {
    for (const batch of [...this.#open.values()]) this.#close(batch);
  }

  #begin(routing: ServedRouting): OpenBatch {
    const batch: OpenBatch = new OpenBatch(routing, this.ids.next(), (rows, eventTimeMs) =>
      this.#publish(routing, batch.id, eventTimeMs, rows),
    );
    this.#open.set(routing.endpoint, batch);
    this.clock.wakeAt(this.clock.now() + WAIT_MS, () => this.#close(batch));
    return batch;
  }

  #close(batch: OpenBatch): void {
    if (this.#open.get(batch.routing.endpoint) === batch) this.#open.delete(batch.routing.endpoint);
    batch.close();
  }

  #publish(routing: ServedRouting, requestId: string, eventTimeMs: number, rows: LoggedRows): void {
    const message = create(PredictionsLoggedSchema, {
      endpoint: routing.endpoint,
      pipeline: routing.pipeline,
      requestId,
      eventTime: timestampFromMs(eventTimeMs),
      epoch: BigInt(routing.epoch),
      champion: refOf(routing.champion),
      ...(routing.candidate && { candidate: refOf(routing.candidate) }),
      keys: [...rows.keys],
      assignedToCandidate: Array.from(rows.assigned, (flag) => flag === 1),
      servedByCandidate: Array.from(rows.byCandidate, (flag) => flag === 1),
      championScores: Array.from(rows.championScores),
      candidateScores: Array.from(rows.candidateScores),
      slices: rows.slices,
      ...totalsOf([rows]),
    });
    this.publisher.offer(PredictionsLoggedSchema, message, {
      key: routing.endpoint,
      identity: [routing.endpoint, requestId],
    });
  }
}

/** Single rows on their way into one message. */
class OpenBatch {
  readonly #rows: LoggedRows[] = [];
  #given = 0;
  #filled = 0;
  #closed = false;
  #eventTimeMs = 0;

  constructor(
    readonly routing: ServedRouting,
    readonly id: string,
    private readonly publish: (rows: LoggedRows, eventTimeMs: number) => void,
  ) {}

  take(eventTimeMs: number): { readonly place: LogPlace; readonly full: boolean } {
    const row = this.#given++;
    this.#eventTimeMs = Math.max(this.#eventTimeMs, eventTimeMs);
    const fill = (rows: LoggedRows): void => {
      this.#rows[row] = rows;
      this.#filled += 1;
      this.#publishWhenComplete();
    };
    return { place: { handle: `${this.id}#${row}`, fill }, full: this.#given >= ROWS_MAX };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#publishWhenComplete();
  }

  #publishWhenComplete(): void {
    if (!this.#closed || this.#filled < this.#given) return;
    const rows = this.#rows;
    this.publish(
      {
        keys: rows.map((row) => row.keys[0] ?? ''),
        assigned: rows.map((row) => row.assigned[0] ?? 0),
        byCandidate: rows.map((row) => row.byCandidate[0] ?? 0),
        championScores: rows.map((row) => row.championScores[0] ?? Number.NaN),
        candidateScores: rows.map((row) => row.candidateScores[0] ?? Number.NaN),
        slices: Buffer.concat(rows.map((row) => row.slices)),
        ...totalsOf(rows),
      },
      this.#eventTimeMs,
    );
  }
}

function totalsOf(rows: readonly LoggedRows[]): Totals {
  const sums = TOTALS.map((field) => [field, rows.reduce((sum, row) => sum + row[field], 0)]);
  return Object.fromEntries(sums) as Totals;
}

function refOf(model: ServedModel): { name: string; version: number; digest: string } {
  return { name: model.name, version: model.version, digest: model.digest };
}
