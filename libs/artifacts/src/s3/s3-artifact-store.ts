import { createHash, randomUUID, type Hash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { PermanentError, TransientError } from '@rondo/kernel';
import { artifactAbsent, artifactDamaged, isOutOfSpace, openSource, refuseLargerThan } from '../artifact-errors.js';
import { digestOf, digestParts } from '../digest.js';
import type { ArtifactStore, StoredArtifact } from '../ports.js';
import { withScratch } from '../scratch.js';
import { serverOf, type S3Address } from './s3-address.js';
import { explainS3Error, isAbsent, type S3Action } from './s3-errors.js';

const GIBIBYTE = 2 ** 30;
const PART_BYTES = 8 * 2 ** 20;
const PARTS_MAX = 10_000;
const PARTS_AT_ONCE = 4;
const READ_CHUNK_BYTES = 2 ** 20;
const ATTEMPTS = 5;
const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 60_000;

const PROBE = 'rondo';

interface ObjectAddress {
  readonly Bucket: string;
  readonly Key: string;
}

export interface S3ArtifactStoreOptions {
  /** Largest artifact that is taken or read, in bytes; default 4 GiB. */
  readonly maxBytes?: number;
  /** Folder below which `withFile` keeps its copies; default the system's folder for temporary files. */
  readonly scratchFolder?: string;
}

/**
 * Artifacts as objects `sha256/ab/cdef…` of one bucket, addressed in path style.
 *
 * Writes carry SHA-256 checksums that the server has to verify and return (a server that returns none is read back); an
 * object appears only complete, and putting it again writes it again, which mends a damaged one. Files above 8 MiB go in
 * parts, four at a time, so that a write holds about 32 MiB; a failed one leaves no parts. Reads hash every byte.
 *
 * Each request is tried up to 5 times with back-off; connecting may take 5 s, silence 60 s. What remains is a TransientError,
 * except for what a person has to mend (see {@link explainS3Error}). Keys come from the address alone, unless it says `ambient`.
 */
export class S3ArtifactStore implements ArtifactStore {
  readonly #address: S3Address;
  readonly #client: S3Client;
  readonly #maxBytes: number;
  readonly #scratchFolder: string;

  constructor(address: S3Address, options: S3ArtifactStoreOptions = {}) {
    this.#address = address;
    this.#maxBytes = options.maxBytes ?? 4 * GIBIBYTE;
    this.#scratchFolder = options.scratchFolder ?? tmpdir();
    this.#client = new S3Client({
      ...(address.endpoint === undefined ? {} : { endpoint: address.endpoint }),
      region: address.region,
      forcePathStyle: true,
      ...(address.credentials === 'ambient' ? {} : { credentials: { ...address.credentials } }),
      maxAttempts: ATTEMPTS,
      retryMode: 'standard',
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, socketTimeout: IDLE_TIMEOUT_MS },
    });
  }

  async put(bytes: Uint8Array): Promise<StoredArtifact> {
    refuseLargerThan(this.#maxBytes, bytes.byteLength);
    const artifact = { digest: digestOf(bytes), sizeBytes: bytes.byteLength };
    const checksum = Buffer.from(artifact.digest.slice('sha256:'.length), 'hex').toString('base64');
    const { ChecksumSHA256 } = await this.#do('write', () =>
      this.#client.send(
        new PutObjectCommand({
          ...this.#objectOf(artifact.digest),
          Body: bytes,
          ContentLength: bytes.byteLength,
          ChecksumSHA256: checksum,
        }),
      ),
    );
    if (ChecksumSHA256 !== checksum) await this.#readBack(artifact);
    return artifact;
  }

  async putFile(path: string): Promise<StoredArtifact> {
    const source = await openSource(path);
    try {
      const { size } = await source.stat();
      refuseLargerThan(this.#maxBytes, size);
      if (size <= PART_BYTES) return await this.put(await readAtMost(source, this.#maxBytes));
      return await this.#putParts(source, size);
    } finally {
      await source.close();
    }
  }

  async get(digest: string, options: { readonly maxBytes?: number } = {}): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    await this.#read(
      digest,
      Math.min(options.maxBytes ?? this.#maxBytes, this.#maxBytes),
      async (part) => void parts.push(part),
    );
    return new Uint8Array(Buffer.concat(parts));
  }

  async has(digest: string): Promise<boolean> {
    return this.#exists(this.#objectOf(digest));
  }

  async withFile<T>(digest: string, use: (path: string) => Promise<T>): Promise<T> {
    digestParts(digest);
    const lend = async (folder: string): Promise<T> => {
      const path = join(folder, digest.slice('sha256:'.length));
      await this.#download(digest, path);
      return use(path);
    };
    return withScratch('artifact', lend, this.#scratchFolder);
  }

  /**
   * Writes, reads, deletes and misses a probe `rondo-check/<uuid>`; to be called once at start.
   * @throws PermanentError with a `reason` of {@link explainS3Error}; TransientError while the server cannot be reached
   */
  async check(): Promise<void> {
    const probe = { Bucket: this.#address.bucket, Key: `rondo-check/${randomUUID()}` };
    await this.#do('write', () =>
      this.#client.send(new PutObjectCommand({ ...probe, Body: PROBE, ChecksumAlgorithm: 'SHA256' })),
    );
    const unreadable = await failureOf(this.#do('read', () => this.#readProbe(probe)));
    const undeletable = await failureOf(this.#do('delete', () => this.#client.send(new DeleteObjectCommand(probe))));
    const failure = unreadable ?? undeletable;
    if (failure) throw failure;
    if (await this.#exists(probe)) throw foreignAnswer(this.#address);
  }

  /** Closes the connections; the store cannot be used afterwards. */
  close(): void {
    this.#client.destroy();
  }

  #objectOf(digest: string): ObjectAddress {
    const [fan, rest] = digestParts(digest);
    return { Bucket: this.#address.bucket, Key: `sha256/${fan}/${rest}` };
  }

  #exists(object: ObjectAddress): Promise<boolean> {
    return this.#do('look up', async () => {
      try {
        await this.#client.send(new HeadObjectCommand(object));
        return true;
      } catch (error) {
        if (isAbsent(error)) return false;
        throw error;
      }
    });
  }

  async #readProbe(probe: ObjectAddress): Promise<void> {
    const { Body } = await this.#client.send(new GetObjectCommand(probe));
    if ((await Body?.transformToString()) !== PROBE) throw foreignAnswer(this.#address);
  }

  async #do<T>(action: S3Action, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw explainS3Error(error, action, this.#address);
    }
  }

  /** Hashes first, because the digest is the address, and again what is really sent: the source may change meanwhile. */
  async #putParts(source: FileHandle, sizeBytes: number): Promise<StoredArtifact> {
    const partSize = Math.max(PART_BYTES, Math.ceil(sizeBytes / PARTS_MAX));
    const whole = createHash('sha256');
    const checksums = new PartChecksums(partSize);
    for await (const part of chunksOf(source, sizeBytes)) {
      whole.update(part);
      checksums.update(part);
    }
    const artifact = { digest: `sha256:${whole.digest('hex')}`, sizeBytes };
    const upload = new Upload({
      client: this.#client,
      params: {
        ...this.#objectOf(artifact.digest),
        Body: Readable.from(sameBytes(source, artifact)),
        ChecksumAlgorithm: 'SHA256',
      },
      partSize,
      queueSize: PARTS_AT_ONCE,
    });
    const { ChecksumSHA256 } = await this.#do('write', () => upload.done());
    if (ChecksumSHA256 !== checksums.composite()) await this.#readBack(artifact);
    return artifact;
  }

  /** For servers that do not say which checksum they verified. */
  async #readBack({ digest, sizeBytes }: StoredArtifact): Promise<void> {
    await this.#read(digest, sizeBytes, async () => undefined);
  }

  async #download(digest: string, path: string): Promise<void> {
    const file = await open(path, 'wx', 0o400);
    try {
      await this.#read(digest, this.#maxBytes, async (part) => file.writeFile(part));
    } catch (error) {
      if (!isOutOfSpace(error)) throw error;
      throw new TransientError('artifact store: no space left in the scratch folder', { cause: error });
    } finally {
      await file.close();
    }
  }

  /** The size is judged before the first byte of the body is read, and again while reading. */
  async #read(digest: string, maxBytes: number, take: (part: Uint8Array) => Promise<void>): Promise<void> {
    const body = await this.#open(digest, maxBytes);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const parts = body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await this.#do('read', () => parts.next() as Promise<IteratorResult<Uint8Array>>);
        if (done) break;
        sizeBytes += value.byteLength;
        refuseLargerThan(maxBytes, sizeBytes);
        hash.update(value);
        await take(value);
      }
    } finally {
      body.destroy();
    }
    if (`sha256:${hash.digest('hex')}` !== digest) throw artifactDamaged(digest);
  }

  async #open(digest: string, maxBytes: number): Promise<Readable> {
    const object = this.#objectOf(digest);
    const { Body, ContentLength } = await this.#do('read', async () => {
      try {
        return await this.#client.send(new GetObjectCommand(object));
      } catch (error) {
        if (isAbsent(error)) throw artifactAbsent(digest, error);
        throw error;
      }
    });
    const body = Body as Readable;
    try {
      refuseLargerThan(maxBytes, ContentLength ?? 0);
    } catch (error) {
      body.destroy();
      throw error;
    }
    return body;
  }
}

/** S3's checksum of an object in parts: the SHA-256 over the SHA-256 of each part, and their number. */
class PartChecksums {
  readonly #finished: Buffer[] = [];
  #current: Hash = createHash('sha256');
  #filled = 0;

  constructor(readonly partSize: number) {}

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) {
      const take = Math.min(this.partSize - this.#filled, bytes.byteLength - at);
      this.#current.update(bytes.subarray(at, at + take));
      this.#filled += take;
      at += take;
      if (this.#filled === this.partSize) this.#finish();
    }
  }

  composite(): string {
    if (this.#filled > 0) this.#finish();
    return `${createHash('sha256').update(Buffer.concat(this.#finished)).digest('base64')}-${this.#finished.length}`;
  }

  #finish(): void {
    this.#finished.push(this.#current.digest());
    this.#current = createHash('sha256');
    this.#filled = 0;
  }
}

/** The first `sizeBytes` bytes of the file from its start, in chunks that may be kept. */
async function* chunksOf(file: FileHandle, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes;) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(READ_CHUNK_BYTES, sizeBytes - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.byteLength, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield chunk.subarray(0, bytesRead);
  }
}

/** The file's bytes; ends in an error, so that nothing is stored, when they are no longer those that were hashed. */
async function* sameBytes(file: FileHandle, { digest, sizeBytes }: StoredArtifact): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(file, sizeBytes)) {
    hash.update(chunk);
    yield chunk;
  }
  if (`sha256:${hash.digest('hex')}` !== digest) throw new TransientError('the file changed while it was being stored');
}

async function failureOf(attempt: Promise<unknown>): Promise<Error | undefined> {
  return attempt.then(
    () => undefined,
    (error: Error) => error,
  );
}

async function readAtMost(file: FileHandle, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunksOf(file, maxBytes + 1)) parts.push(chunk);
  return new Uint8Array(Buffer.concat(parts));
}

function foreignAnswer(address: S3Address): PermanentError {
  const server = serverOf(address);
  const rule = `${server} does not give back what was written; correct the endpoint`;
  return new PermanentError('failed-precondition', `artifact store: ${rule}`, {
    field: 'endpoint',
    value: server,
    rule,
    reason: 'S3_NOT_S3',
  });
}
