import { describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withFullDisk } from '@rondo/testing';
import { artifactStoreContract } from '../testing/index.js';
import { digestOf, digestOfJson } from './digest.js';
import { FolderArtifactStore } from './folder-artifact-store.js';

const fileOf = (root: string, digest: string): string => join(root, 'sha256', digest.slice(7, 9), digest.slice(9));

artifactStoreContract('FolderArtifactStore', async () => {
  const root = await mkdtemp(join(tmpdir(), 'rondo-store-'));
  const maxBytes = 4_000_000;
  return {
    store: new FolderArtifactStore(root, { maxBytes }),
    maxBytes,
    async overwrite(digest, bytes) {
      await chmod(fileOf(root, digest), 0o600);
      await writeFile(fileOf(root, digest), bytes);
    },
    close: () => rm(root, { recursive: true, force: true }),
  };
});

describe('FolderArtifactStore', () => {
  it('keeps read-only files and leaves nothing temporary behind', async () => {
    const root = await mkdtemp(join(tmpdir(), 'rondo-store-'));
    try {
      const store = new FolderArtifactStore(root, { maxBytes: 10 });
      const { digest } = await store.put(new Uint8Array([1, 2, 3]));
      expect((await stat(fileOf(root, digest))).mode & 0o777).toBe(0o444);
      const large = join(root, 'large');
      await writeFile(large, new Uint8Array(11));
      await expect(store.putFile(large)).rejects.toMatchObject({ code: 'exhausted' });
      expect(await readdir(join(root, 'incoming'))).toEqual([]);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });

  it('says so when the disk fills up in the middle of a write, keeps nothing torn, and takes it once there is room', async () => {
    const root = await mkdtemp(join(tmpdir(), 'rondo-store-'));
    try {
      const store = new FolderArtifactStore(join(root, 'store'));
      const bytes = randomBytes(300_000);
      const file = join(root, 'file');
      await writeFile(file, bytes);
      for (const write of [() => store.put(bytes), () => store.putFile(file)]) {
        await expect(withFullDisk(100_000, write)).rejects.toMatchObject({
          code: 'unavailable',
          message: 'artifact store: no space left',
        });
        expect(await store.has(digestOf(bytes))).toBe(false);
        expect(await readdir(join(root, 'store', 'incoming'))).toEqual([]);
      }
      const { digest } = await store.putFile(file);
      expect(digestOf(await store.get(digest))).toBe(digestOf(bytes));
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});

describe('digestOfJson', () => {
  it('does not depend on the order of keys and does depend on every value', () => {
    expect(digestOfJson({ a: 1, b: [true, null] })).toBe(digestOfJson({ b: [true, null], a: 1 }));
    expect(digestOfJson({ a: 1 })).not.toBe(digestOfJson({ a: 2 }));
  });
});
