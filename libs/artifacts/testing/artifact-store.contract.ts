import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../src/digest.js';
import type { ArtifactStore } from '../src/ports.js';

/** An adapter under test together with what the suite needs to harm it. */
export interface ArtifactStoreFixture {
  readonly store: ArtifactStore;
  /** Replaces the stored bytes behind the store's back. */
  overwrite(digest: string, bytes: Uint8Array): Promise<void>;
  /** Limit the store was opened with. */
  readonly maxBytes: number;
  close(): Promise<void>;
}

const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));
const HOSTILE_DIGESTS = [
  '',
  'sha256:',
  '../../etc/passwd',
  `sha256:../${'a'.repeat(61)}`,
  `sha256:${'a'.repeat(60)}/../`,
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(65)}`,
  `sha256:${'a'.repeat(64)}\n`,
  `sha256:${'a'.repeat(64)}\0`,
  `sha512:${'a'.repeat(64)}`,
  `sha256:%2e%2e${'a'.repeat(58)}`,
];

/** What every artifact store promises; run it for each adapter. */
export function artifactStoreContract(name: string, openFixture: () => Promise<ArtifactStoreFixture>): void {
  describe(`${name} honours the artifact store contract`, () => {
    let fixture: ArtifactStoreFixture;
    let folder: string;
    beforeEach(async () => {
      fixture = await openFixture();
      folder = await mkdtemp(join(tmpdir(), 'rondo-artifacts-'));
    });
    afterEach(async () => {
      await fixture.close();
      await rm(folder, { recursive: true, force: true });
    });

    it('gives back the bytes it took, under their digest', async () => {
      const stored = await fixture.store.put(text('hello'));
      expect(stored).toEqual({ digest: digestOf(text('hello')), sizeBytes: 5 });
      expect(Buffer.from(await fixture.store.get(stored.digest)).toString()).toBe('hello');
      expect(await fixture.store.has(stored.digest)).toBe(true);
    });

    it('takes the empty artifact', async () => {
      const stored = await fixture.store.put(new Uint8Array());
      expect((await fixture.store.get(stored.digest)).byteLength).toBe(0);
    });

    it('takes a file and leaves the file alone', async () => {
      const path = join(folder, 'in.bin');
      const bytes = new Uint8Array(3_000_000).map((_, i) => (i * 7919) & 255);
      await writeFile(path, bytes);
      const stored = await fixture.store.putFile(path);
      expect(stored).toEqual({ digest: digestOf(bytes), sizeBytes: bytes.length });
      expect(digestOf(await readFile(path))).toBe(stored.digest);
      expect(digestOf(await fixture.store.get(stored.digest))).toBe(stored.digest);
    });

    it('names a missing file', async () => {
      await expect(fixture.store.putFile(join(folder, 'absent'))).rejects.toMatchObject({
        code: 'not-found',
        detail: { field: 'path' },
      });
    });

    it('says not-found for an absent artifact', async () => {
      const absent = digestOf(text('absent'));
      expect(await fixture.store.has(absent)).toBe(false);
      await expect(fixture.store.get(absent)).rejects.toMatchObject({ code: 'not-found' });
      await expect(fixture.store.withFile(absent, async () => 1)).rejects.toMatchObject({ code: 'not-found' });
    });

    it('keeps one artifact when many put the same bytes at once', async () => {
      const bytes = new Uint8Array(200_000).fill(7);
      const all = await Promise.all(Array.from({ length: 16 }, () => fixture.store.put(bytes)));
      expect(new Set(all.map((stored) => stored.digest)).size).toBe(1);
      expect(digestOf(await fixture.store.get(all[0]!.digest))).toBe(all[0]!.digest);
    });

    it('lends a file that holds the bytes', async () => {
      const { digest } = await fixture.store.put(text('lend me'));
      expect(await fixture.store.withFile(digest, (path) => readFile(path, 'utf8'))).toBe('lend me');
    });

    it('passes on what the borrower throws', async () => {
      const { digest } = await fixture.store.put(text('x'));
      await expect(fixture.store.withFile(digest, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    });

    it('finds a flipped bit on every way of reading', async () => {
      const { digest } = await fixture.store.put(text('precious'));
      await fixture.overwrite(digest, text('precioUs'));
      await expect(fixture.store.get(digest)).rejects.toMatchObject({ code: 'data-loss' });
      let used = false;
      await expect(fixture.store.withFile(digest, async () => (used = true))).rejects.toMatchObject({
        code: 'data-loss',
      });
      expect(used).toBe(false);
    });

    it('finds a torn write and mends it with the next put', async () => {
      const { digest } = await fixture.store.put(text('complete bytes'));
      await fixture.overwrite(digest, text('compl'));
      await expect(fixture.store.get(digest)).rejects.toMatchObject({ code: 'data-loss' });
      await fixture.store.put(text('complete bytes'));
      expect(Buffer.from(await fixture.store.get(digest)).toString()).toBe('complete bytes');
    });

    it.each(HOSTILE_DIGESTS)('refuses %j as a digest', async (digest) => {
      for (const attempt of [
        fixture.store.get(digest),
        fixture.store.has(digest),
        fixture.store.withFile(digest, async () => 1),
      ]) {
        await expect(attempt).rejects.toMatchObject({ code: 'invalid', detail: { field: 'digest' } });
      }
    });

    it('refuses artifacts above its limit, by bytes and by file', async () => {
      const tooLarge = new Uint8Array(fixture.maxBytes + 1);
      await expect(fixture.store.put(tooLarge)).rejects.toMatchObject({ code: 'exhausted' });
      const path = join(folder, 'large');
      await writeFile(path, tooLarge);
      await expect(fixture.store.putFile(path)).rejects.toMatchObject({ code: 'exhausted' });
      expect(await fixture.store.has(digestOf(tooLarge))).toBe(false);
    });

    it('refuses to read more than the caller allows', async () => {
      const { digest } = await fixture.store.put(text('0123456789'));
      await expect(fixture.store.get(digest, { maxBytes: 9 })).rejects.toMatchObject({ code: 'exhausted' });
      expect((await fixture.store.get(digest, { maxBytes: 10 })).byteLength).toBe(10);
    });
  });
}
