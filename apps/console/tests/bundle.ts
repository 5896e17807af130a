import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly isEntry?: boolean;
}

/** Sizes of what a browser loads, in bytes after gzip. */
export interface BundleSizes {
  /** Script before the first page can appear. */
  readonly shell: number;
  /** Script that a lazily loaded part adds to the shell, by source file. */
  readonly parts: ReadonlyMap<string, number>;
}

/** Reads the manifest Vite wrote and sums each part's files that the shell has not loaded. */
export function bundleSizes(dist: string): BundleSizes {
  const manifest = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8')) as Record<string, Chunk>;
  const closure = (name: string, into = new Set<string>()): Set<string> => {
    const chunk = manifest[name];
    if (chunk === undefined || into.has(chunk.file)) return into;
    into.add(chunk.file);
    for (const dependency of chunk.imports ?? []) closure(dependency, into);
    return into;
  };
  const size = (files: Iterable<string>): number =>
    [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file))).length, 0);
  const entry = Object.keys(manifest).find((name) => manifest[name]?.isEntry === true);
  if (entry === undefined) throw new Error(`${dist} has no entry in its manifest`);
  const shell = closure(entry);
  const parts = Object.keys(manifest).filter((name) => name.startsWith('src/') && name !== entry);
  return {
    shell: size(shell),
    parts: new Map(parts.map((name) => [name, size([...closure(name)].filter((file) => !shell.has(file)))])),
  };
}
