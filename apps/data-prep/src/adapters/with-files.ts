import type { ArtifactStore } from '@rondo/artifacts';

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
