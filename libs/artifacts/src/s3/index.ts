export { S3ArtifactStore, type S3ArtifactStoreOptions } from './s3-artifact-store.js';
export { parseS3Address, type S3Address, type S3Credentials } from './s3-address.js';
