import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactStore, StoredArtifact } from '@rondo/artifacts';
import { PermanentError } from '@rondo/kernel';

/** Content-addressed bytes in memory, with the errors of the real store. */
export class MemoryArtifacts implements ArtifactStore {
  readonly #bytes = new Map<string, Uint8Array>();

  put(bytes: Uint8Array): Promise<StoredArtifact> {
    const digest = digestOf(bytes);
    this.#bytes.set(digest, Uint8Array.from(bytes));
    return Promise.resolve({ digest, sizeBytes: bytes.byteLength });
  }

  async putFile(path: string): Promise<StoredArtifact> {
    return this.put(await readFile(path));
  }

  async get(digest: string, options: { readonly maxBytes?: number } = {}): Promise<Uint8Array> {
    const bytes = this.#bytes.get(digest);
    if (!bytes) throw new PermanentError('not-found', `no artifact ${digest}`, { field: 'digest', value: digest });
    if (digestOf(bytes) !== digest)
      throw new PermanentError('data-loss', `artifact ${digest} was changed`, { field: 'digest', value: digest });
    if (options.maxBytes !== undefined && bytes.byteLength > options.maxBytes) {
      const rule = `at most ${options.maxBytes} bytes`;
      throw new PermanentError('out-of-range', `artifact ${digest} has ${bytes.byteLength} bytes`, {
        field: 'maxBytes',
        value: bytes.byteLength,
        rule,
      });
    }
    return Uint8Array.from(bytes);
  }

  has(digest: string): Promise<boolean> {
    return Promise.resolve(this.#bytes.has(digest));
  }

  async withFile<T>(digest: string, use: (path: string) => Promise<T>): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'rondo-artifact-'));
    try {
      const path = join(folder, 'artifact');
      await writeFile(path, await this.get(digest), { mode: 0o400 });
      return await use(path);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Flips the first byte of a stored artifact, as a failing disk might. */
  corrupt(digest: string): void {
    const bytes = this.#bytes.get(digest);
    if (bytes) bytes[0] = bytes[0]! ^ 0xff;
  }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
