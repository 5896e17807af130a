import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactStore } from '@rondo/artifacts';

/** Lends an empty folder and removes it with everything in it. */
export async function withScratch<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'rondo-data-prep-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Lends the files of several artifacts at once, in the order of the digests. */
export async function withFiles<T>(
  artifacts: ArtifactStore,
  digests: readonly string[],
  use: (paths: readonly string[]) => Promise<T>,
): Promise<T> {
  const open = (paths: readonly string[]): Promise<T> =>
    paths.length === digests.length
      ? use(paths)
      : artifacts.withFile(digests[paths.length]!, (path) => open([...paths, path]));
  return open([]);
}
