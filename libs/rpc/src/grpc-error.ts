import * as grpc from '@grpc/grpc-js';
import { encodeDetail, ERROR_HEADER, failureOf } from './wire-error.js';

/** An error as grpc-js sends it. */
export function serviceError(error: unknown): grpc.ServiceError {
  const failure = failureOf(error);
  const metadata = new grpc.Metadata();
  metadata.set(ERROR_HEADER, encodeDetail(failure.detail));
  return Object.assign(new Error(failure.message), { code: failure.status, details: failure.message, metadata });
}
