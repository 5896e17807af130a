export { explainS3Error, isAbsent, type S3Action } from './s3-errors.js';
export { S3ArtifactStore, type S3ArtifactStoreOptions } from './s3-artifact-store.js';
export { parseS3Address, type S3Address, type S3Credentials } from './s3-address.js';
