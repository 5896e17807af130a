import { createHash, randomUUID } from 'node:crypto';
import { access, mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TransientError } from '@rondo/kernel';
import { artifactAbsent, artifactDamaged, isOutOfSpace, openSource, refuseLargerThan } from './artifact-errors.js';
import { digestOf, digestParts } from './digest.js';
import type { ArtifactStore, StoredArtifact } from './ports.js';

const GIBIBYTE = 2 ** 30;
const COPY_CHUNK_BYTES = 1 << 20;

export interface FolderArtifactStoreOptions {
  /** Largest artifact that is taken, in bytes; default 4 GiB. */
  readonly maxBytes?: number;
}

/**
 * Artifacts as read-only files `<root>/sha256/ab/cdef…`. A file appears under its name only complete and flushed to disk
 * (temporary file, fsync, rename, fsync of the folder); a file that was damaged meanwhile is found by every read and
 * mended by the next `put` of the same bytes.
 */
export class FolderArtifactStore implements ArtifactStore {
  readonly #root: string;
  readonly #maxBytes: number;

  constructor(root: string, options: FolderArtifactStoreOptions = {}) {
    this.#root = root;
    this.#maxBytes = options.maxBytes ?? 4 * GIBIBYTE;
  }

  async put(bytes: Uint8Array): Promise<StoredArtifact> {
    refuseLargerThan(this.#maxBytes, bytes.byteLength);
    const artifact = { digest: digestOf(bytes), sizeBytes: bytes.byteLength };
    if (await this.#isIntact(artifact)) return artifact;
    await this.#place(async (file) => {
      await file.writeFile(bytes);
      return artifact;
    });
    return artifact;
  }

  async putFile(path: string): Promise<StoredArtifact> {
    const source = await openSource(path);
    try {
      const { size } = await source.stat();
      refuseLargerThan(this.#maxBytes, size);
      return await this.#place((file) => this.#copy(source, file));
    } finally {
      await source.close();
    }
  }

  async get(digest: string, options: { readonly maxBytes?: number } = {}): Promise<Uint8Array> {
    const path = this.#pathOf(digest);
    const file = await openStored(path, digest);
    try {
      const { size } = await file.stat();
      refuseLargerThan(Math.min(options.maxBytes ?? this.#maxBytes, this.#maxBytes), size);
      const bytes = new Uint8Array(await file.readFile());
      if (digestOf(bytes) !== digest) throw artifactDamaged(digest);
      return bytes;
    } finally {
      await file.close();
    }
  }

  async has(digest: string): Promise<boolean> {
    return access(this.#pathOf(digest)).then(
      () => true,
      () => false,
    );
  }

  async withFile<T>(digest: string, use: (path: string) => Promise<T>): Promise<T> {
    const path = this.#pathOf(digest);
    await (await openStored(path, digest)).close();
    if ((await hashFile(path)) !== digest) throw artifactDamaged(digest);
    return use(path);
  }

  #pathOf(digest: string): string {
    const [fan, rest] = digestParts(digest);
    return join(this.#root, 'sha256', fan, rest);
  }

  async #isIntact(artifact: StoredArtifact): Promise<boolean> {
    const path = this.#pathOf(artifact.digest);
    const found = await stat(path).catch(() => undefined);
    return found?.size === artifact.sizeBytes && (await hashFile(path)) === artifact.digest;
  }

  /** Hashes what is really written: the source may change between two reads. */
  async #copy(source: FileHandle, target: FileHandle): Promise<StoredArtifact> {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    for await (const part of partsOf(source)) {
      sizeBytes += part.byteLength;
      refuseLargerThan(this.#maxBytes, sizeBytes);
      hash.update(part);
      await target.writeFile(part);
    }
    return { digest: `sha256:${hash.digest('hex')}`, sizeBytes };
  }

  async #place(write: (file: FileHandle) => Promise<StoredArtifact>): Promise<StoredArtifact> {
    const temporary = join(this.#root, 'incoming', randomUUID());
    try {
      await mkdir(dirname(temporary), { recursive: true });
      const file = await open(temporary, 'wx', 0o600);
      let artifact: StoredArtifact;
      try {
        artifact = await write(file);
        await file.chmod(0o444);
        await file.sync();
      } finally {
        await file.close();
      }
      const path = this.#pathOf(artifact.digest);
      await mkdir(dirname(path), { recursive: true });
      await rename(temporary, path);
      await syncFolder(dirname(path));
      return artifact;
    } catch (error) {
      await rm(temporary, { force: true });
      if (isOutOfSpace(error)) throw new TransientError('artifact store: no space left', { cause: error });
      throw error;
    }
  }
}

async function openStored(path: string, digest: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    if (errorCodeOf(cause) !== 'ENOENT') throw cause;
    throw artifactAbsent(digest, cause);
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    for await (const part of partsOf(file)) hash.update(part);
  } finally {
    await file.close();
  }
  return `sha256:${hash.digest('hex')}`;
}

/** The bytes of a file in pieces; each is valid until the next. Small files take little memory, which is otherwise collected at a cost. */
async function* partsOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  const { size } = await file.stat();
  const buffer = new Uint8Array(Math.max(1, Math.min(size, COPY_CHUNK_BYTES)));
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A rename is durable only once the folder itself is flushed. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function errorCodeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
