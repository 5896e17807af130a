/** Content-addressed bytes. */
export interface StoredArtifact {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/**
 * Content-addressed store. A digest is the only address; callers never give paths. Every read checks the bytes against the
 * digest and throws PermanentError `data-loss` when they differ, `not-found` when absent. A write is atomic and idempotent.
 */
export interface ArtifactStore {
  put(bytes: Uint8Array): Promise<StoredArtifact>;
  /** Takes the file's bytes; the file itself stays. */
  putFile(path: string): Promise<StoredArtifact>;
  get(digest: string, options?: { readonly maxBytes?: number }): Promise<Uint8Array>;
  has(digest: string): Promise<boolean>;
  /** Runs `use` with the path of a read-only local file holding the (verified) bytes; the path is valid only meanwhile. */
  withFile<T>(digest: string, use: (path: string) => Promise<T>): Promise<T>;
}
