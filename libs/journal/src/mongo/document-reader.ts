import type { IndexSpecification, ObjectId } from 'mongodb';
import type { IndexValues, ListQuery } from '../ports.js';
import { documentKey, type DocumentRow, type DocumentSource, type Place } from '../units/document-row.js';
import { findByIds, type DocumentDoc, type ServiceCollections } from './collections.js';
import type { FreshReads } from './fresh-reads.js';
import { KeyBatcher } from './key-batcher.js';
import { mongoListQuery } from './list-query.js';

/** A document as stored, with the head of its stream. */
export interface MongoRow extends DocumentRow {
  readonly etag: ObjectId;
  readonly streamVersion: number;
  readonly streamHash: string;
}

/** Committed documents of one service; look-ups at the same time share one read. */
export class DocumentReader implements DocumentSource<MongoRow> {
  readonly #collections: ServiceCollections;
  readonly #reads: FreshReads;
  readonly #batcher: KeyBatcher<MongoRow>;
  readonly #createsIndexes: boolean;
  readonly #indexes = new Map<string, Promise<unknown>>();

  /** @param createsIndexes whether a list of a new shape may have an index made for it */
  constructor(collections: ServiceCollections, reads: FreshReads, createsIndexes: boolean) {
    this.#collections = collections;
    this.#reads = reads;
    this.#createsIndexes = createsIndexes;
    this.#batcher = new KeyBatcher((keys) => this.readAll(keys));
  }

  get(kind: string, id: string): Promise<MongoRow | undefined> {
    return this.#batcher.get(documentKey(kind, id));
  }

  /** Documents by key, removed ones that still have a stream as well. */
  async readAll(keys: readonly string[]): Promise<Map<string, MongoRow>> {
    if (keys.length === 0) return new Map();
    const found = await this.#reads.read(() => findByIds(this.#collections.documents, keys).toArray());
    const rows = new Map<string, MongoRow>();
    for (const document of found) rows.set(document._id, rowOf(document));
    return rows;
  }

  async select(kind: string, query: ListQuery, limit: number, place: Place | undefined): Promise<MongoRow[]> {
    const { filter, sort, index } = mongoListQuery(kind, query, place);
    if (this.#createsIndexes) await this.#ensureIndex(index);
    const found = await this.#reads.read(() =>
      this.#collections.documents.find(filter).sort(sort).limit(limit).toArray(),
    );
    return found.map(rowOf);
  }

  /** How many documents have these indexed values. */
  async count(kind: string, where: IndexValues): Promise<number> {
    const { filter, index } = mongoListQuery(kind, { where }, undefined);
    if (this.#createsIndexes) await this.#ensureIndex(index);
    return this.#reads.read(() => this.#collections.documents.countDocuments(filter));
  }

  /** The list works without it, only slower; so whoever may not create indexes goes on. */
  #ensureIndex(index: IndexSpecification): Promise<unknown> {
    const shape = JSON.stringify(index);
    let made = this.#indexes.get(shape);
    if (!made) {
      made = this.#collections.documents.createIndex(index).catch(() => this.#indexes.delete(shape));
      this.#indexes.set(shape, made);
    }
    return made;
  }
}

function rowOf(document: DocumentDoc): MongoRow {
  const { id, etag, version, updatedAtMs, state, index, streamVersion, streamHash } = document;
  return { id, etag, version, updatedAtMs, state, indexText: JSON.stringify(index), streamVersion, streamHash };
}
