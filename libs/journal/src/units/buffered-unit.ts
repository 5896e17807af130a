import { toBinary } from '@bufbuild/protobuf';
import { shapeViolations, topicOf } from '@rondo/contracts';
import { assert, Defect } from '@rondo/kernel';
import type { Envelope } from '@rondo/messaging';
import { messageIdOf } from '../message-id.js';
import { plainJsonText } from '../plain-json.js';
import type { Cause, IndexValues, ListQuery, Outgoing, Page, Stored, Unit } from '../ports.js';
import {
  documentKey,
  limitOf,
  pageOf,
  placeOf,
  storedOf,
  type DocumentRow,
  type DocumentSource,
} from './document-row.js';
import { compareRows, matches } from './list-order.js';

/** What a unit wants done to one document. */
export interface Change {
  readonly kind: string;
  readonly id: string;
  /** JSON text; null to remove. */
  state: string | null;
  index: IndexValues;
  saves: number;
}

/** A message of a unit. */
export interface UnitMessage {
  /** Key of the document whose stream it belongs to. */
  readonly stream: string;
  readonly envelope: Envelope;
}

/** A timer to be set, or (null) cleared. */
export interface TimerChange {
  readonly id: string;
  readonly due: { readonly atMs: number; readonly envelope: Envelope } | null;
}

/** What a unit needs to know to write envelopes. */
export interface UnitContext {
  readonly service: string;
  readonly cause: Cause;
  readonly traceparent: string | undefined;
  readonly nowMs: number;
}

/** Collects the changes of one run of the work; reads see them on top of what is committed. */
export class BufferedUnit<Row extends DocumentRow = DocumentRow> implements Unit {
  /** Documents as they were when first read; absent ones too. */
  readonly seen = new Map<string, Row | undefined>();
  readonly changes = new Map<string, Change>();
  /** In the order in which the work saved them, whatever the document. */
  readonly messages: UnitMessage[] = [];
  readonly timers = new Map<string, TimerChange>();
  readonly #documents: DocumentSource<Row>;
  readonly #context: UnitContext;
  #envelopes = 0;
  #closed = false;

  constructor(documents: DocumentSource<Row>, context: UnitContext) {
    this.#documents = documents;
    this.#context = context;
  }

  /** From now on every use is a defect: the work kept the unit beyond its end. */
  close(): void {
    this.#closed = true;
  }

  async load<S>(kind: string, id: string): Promise<Stored<S> | undefined> {
    this.#assertOpen();
    const row = this.#see(kind, id, await this.#rowOf(kind, id));
    const change = this.changes.get(documentKey(kind, id));
    const visible = change ? this.#overlaid(change, row) : row;
    return visible && visible.state !== null ? storedOf<S>(kind, visible) : undefined;
  }

  async list<S>(kind: string, query: ListQuery = {}): Promise<Page<S>> {
    this.#assertOpen();
    const limit = limitOf(query);
    const place = placeOf(query);
    const own = [...this.changes.values()].filter((change) => change.kind === kind);
    const committed = await this.#documents.select(kind, query, limit + 1 + own.length, place);
    for (const row of committed) this.#see(kind, row.id, row);
    if (own.length === 0) return pageOf<S>(kind, committed, query, limit);
    const mine = new Set(own.map(({ id }) => id));
    const untouched: DocumentRow[] = committed.filter((row) => !mine.has(row.id));
    const kept = own.filter((change) => change.state !== null);
    const overlaid = await Promise.all(
      kept.map(async (change) => this.#overlaid(change, await this.#rowOf(kind, change.id))),
    );
    const visible = overlaid.filter((row) => matches(row, query, place));
    return pageOf<S>(kind, [...untouched, ...visible].sort(compareRows(query.orderBy)), query, limit);
  }

  save<S>(request: {
    readonly kind: string;
    readonly id: string;
    readonly state: S;
    readonly index?: IndexValues;
    readonly outgoing?: readonly Outgoing[];
  }): void {
    this.#assertOpen();
    const change = this.#change(request.kind, request.id);
    change.state = plainJsonText(request.state, `${request.kind}/${request.id}`);
    change.index = checkedIndex(request.kind, request.index ?? {});
    change.saves++;
    const stream = documentKey(request.kind, request.id);
    for (const outgoing of request.outgoing ?? []) this.messages.push({ stream, envelope: this.#envelope(outgoing) });
  }

  remove(kind: string, id: string): void {
    this.#assertOpen();
    const change = this.#change(kind, id);
    change.state = null;
    change.index = {};
    change.saves++;
  }

  schedule(timer: { readonly id: string; readonly atMs: number; readonly outgoing: Outgoing }): void {
    this.#assertOpen();
    assert(Number.isSafeInteger(timer.atMs), `timer ${timer.id} needs whole milliseconds, not ${timer.atMs}`);
    this.timers.set(timer.id, { id: timer.id, due: { atMs: timer.atMs, envelope: this.#envelope(timer.outgoing) } });
  }

  cancelTimer(id: string): void {
    this.#assertOpen();
    this.timers.set(id, { id, due: null });
  }

  #change(kind: string, id: string): Change {
    const key = documentKey(kind, id);
    let change = this.changes.get(key);
    if (!change) {
      change = { kind, id, state: null, index: {}, saves: 0 };
      this.changes.set(key, change);
    }
    return change;
  }

  /** As the unit first saw it; what it has not seen yet is read. */
  #rowOf(kind: string, id: string): Row | undefined | Promise<Row | undefined> {
    const key = documentKey(kind, id);
    return this.seen.has(key) ? this.seen.get(key) : this.#documents.get(kind, id);
  }

  /** The first sight counts: a later read that finds another version must not hide that the earlier one is stale. */
  #see(kind: string, id: string, row: Row | undefined): Row | undefined {
    const key = documentKey(kind, id);
    if (!this.seen.has(key)) this.seen.set(key, row);
    return this.seen.get(key);
  }

  #overlaid(change: Change, row: Row | undefined): DocumentRow {
    return {
      id: change.id,
      version: (row?.version ?? 0) + change.saves,
      updatedAtMs: this.#context.nowMs,
      state: change.state,
      indexText: JSON.stringify(change.index),
    };
  }

  #envelope(outgoing: Outgoing): Envelope {
    const { schema, message, key } = outgoing;
    const { cause, service, traceparent, nowMs } = this.#context;
    const [violation] = shapeViolations(schema, message);
    if (violation)
      throw new Defect(`${service} would publish a broken ${schema.typeName}: ${violation.field} ${violation.message}`);
    return {
      // Derived from the cause, so that a repetition after a crash publishes under the same ids.
      id: messageIdOf(service, cause, this.#envelopes++),
      type: schema.typeName,
      topic: topicOf(schema),
      key,
      source: `rondo/${service}`,
      timeMs: nowMs,
      payload: toBinary(schema, message),
      headers: { ...(traceparent !== undefined && { traceparent }), causationid: cause.messageId, ...outgoing.headers },
    };
  }

  #assertOpen(): void {
    assert(!this.#closed, 'a unit of work was used after its end');
  }
}

function checkedIndex(kind: string, index: IndexValues): IndexValues {
  for (const [name, value] of Object.entries(index)) {
    const fits = typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));
    if (!fits) throw new Defect(`index ${kind}.${name} is ${String(value)}, not text or a finite number`);
  }
  return index;
}
