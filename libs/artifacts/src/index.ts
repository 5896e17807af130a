export type { ArtifactStore, StoredArtifact } from './ports.js';
export { FolderArtifactStore, type FolderArtifactStoreOptions } from './folder-artifact-store.js';
export { isOutOfSpace } from './artifact-errors.js';
export { openScratch, sweepScratch, withScratch, type Scratch } from './scratch.js';
export { digestOf, digestOfJson, isDigest } from './digest.js';
export {
  explainS3Error,
  isAbsent,
  type S3Action,
  S3ArtifactStore,
  type S3ArtifactStoreOptions,
  parseS3Address,
  type S3Address,
  type S3Credentials,
} from './s3/index.js';
