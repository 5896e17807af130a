export type { ArtifactStore, StoredArtifact } from './ports.js';
export { FolderArtifactStore, type FolderArtifactStoreOptions } from './folder-artifact-store.js';
export { digestOf, digestOfJson, isDigest } from './digest.js';
