import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, HeadObjectCommand, S3Client, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { explainS3Error, isAbsent, isOutOfSpace, withScratch, type S3Address } from '@rondo/artifacts';
import { PermanentError, TransientError } from '@rondo/kernel';
import { refuseUri } from './allowed-roots.js';

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

interface ObjectPlace {
  readonly Bucket: string;
  readonly Key: string;
}

/** Objects that upstream systems put below configured prefixes of buckets, `s3://bucket/prefix/`. */
export class S3Inbox {
  readonly #server: Omit<S3Address, 'bucket'>;
  readonly #roots: readonly string[];
  readonly #client: S3Client;

  /**
   * @param server where the buckets are and the keys to read them with
   * @param roots prefixes such as `s3://bucket/inbox/`
   * @throws PermanentError `invalid` for a root that is none
   */
  constructor(server: Omit<S3Address, 'bucket'>, roots: readonly string[]) {
    for (const root of roots) {
      if (/^s3:\/\/[^/]+\/(.*\/)?$/.test(root) && BUCKET.test(root.split('/')[2]!)) continue;
      throw new PermanentError('invalid', `${JSON.stringify(root)} cannot be a root for announced objects`, {
        field: 'RONDO_DATA_S3_ROOTS',
        value: root,
        rule: 's3://bucket/ or s3://bucket/prefix/',
      });
    }
    this.#server = server;
    this.#roots = roots;
    const { endpoint, region, credentials } = server;
    this.#client = new S3Client({
      region,
      forcePathStyle: true,
      ...(endpoint !== undefined && { endpoint }),
      ...(credentials !== 'ambient' && { credentials: { ...credentials } }),
    });
  }

  /**
   * Judges an address without asking the server.
   * @throws PermanentError `invalid` with reason URI_MALFORMED or URI_OUTSIDE_ROOTS
   */
  check(uri: string): void {
    const key = /^s3:\/\/[^/]+\/(.+)$/.exec(uri)?.[1];
    const isPlain =
      key !== undefined &&
      !/[\u0000-\u001f\u007f?#\\]|%2e|%2f|%5c/i.test(uri) &&
      key.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
    if (!isPlain) throw refuseUri(uri, 's3://bucket/key with plain parts', 'URI_MALFORMED');
    if (this.#roots.some((root) => uri.startsWith(root))) return;
    throw refuseUri(uri, 'an object below one of the allowed roots', 'URI_OUTSIDE_ROOTS');
  }

  /** Tells two versions of an object apart without reading it; `missing` when there is none. */
  async version(uri: string): Promise<string> {
    const place = this.#placeOf(uri);
    try {
      const { ETag = '', ContentLength = 0 } = await this.#client.send(new HeadObjectCommand(place));
      return `${ContentLength}@${createHash('sha256').update(ETag).digest('hex').slice(0, 32)}`;
    } catch (error) {
      if (isAbsent(error)) return 'missing';
      throw explainS3Error(error, 'look up', { ...this.#server, bucket: place.Bucket });
    }
  }

  /**
   * Runs `use` with the path of a copy that is valid only meanwhile.
   * @throws PermanentError `not-found`, `exhausted` for an object above `maxBytes`, or what keeps the bucket from being read
   */
  withFile<T>(uri: string, maxBytes: number, use: (path: string) => Promise<T>): Promise<T> {
    const place = this.#placeOf(uri);
    return withScratch('data-prep', async (folder) => {
      const path = join(folder, place.Key.split('/').at(-1)!);
      await this.#download(uri, place, maxBytes, path);
      return use(path);
    });
  }

  close(): void {
    this.#client.destroy();
  }

  #placeOf(uri: string): ObjectPlace {
    this.check(uri);
    const [, , bucket, ...key] = uri.split('/');
    return { Bucket: bucket!, Key: key.join('/') };
  }

  async #download(uri: string, place: ObjectPlace, maxBytes: number, path: string): Promise<void> {
    const address = { ...this.#server, bucket: place.Bucket };
    let answer: GetObjectCommandOutput;
    try {
      answer = await this.#client.send(new GetObjectCommand(place));
    } catch (error) {
      if (!isAbsent(error)) throw explainS3Error(error, 'read', address);
      const detail = { field: 'uri', value: uri.slice(0, 200), rule: 'an existing object', reason: 'FILE_MISSING' };
      throw new PermanentError('not-found', `there is no object ${uri.slice(0, 200)}`, detail);
    }
    const body = answer.Body as Readable;
    if ((answer.ContentLength ?? 0) > maxBytes) {
      body.destroy();
      const rule = `at most ${maxBytes} bytes`;
      throw new PermanentError('exhausted', `${uri.slice(0, 200)} is larger than ${maxBytes} bytes`, {
        field: 'uri',
        rule,
      });
    }
    try {
      // The server sends what it announced or the stream fails: a shorter file cannot pass for the whole one.
      await pipeline(body, createWriteStream(path, { flags: 'wx', mode: 0o600 }));
    } catch (error) {
      if (isOutOfSpace(error)) throw new TransientError('inbox: no space left in the scratch folder', { cause: error });
      throw explainS3Error(error, 'read', address);
    }
  }
}
