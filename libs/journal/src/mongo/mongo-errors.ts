import { messageOf, TransientError } from '@rondo/kernel';
import {
  MongoClientClosedError,
  MongoError,
  MongoErrorLabel,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
} from 'mongodb';

const DUPLICATE_KEY = 11000;
const WRITE_CONFLICT = 112;
/** Server codes of a node that is going away or is not the primary, and of an operation that ran out of time. */
const PASSING_CODES = new Set([
  6, 7, 24, 50, 64, 89, 91, 112, 189, 246, 251, 262, 9001, 10107, 11600, 11602, 13435, 13436,
]);

/** Whether the same operation may succeed later: the server is away, is changing roles, or the data was in use. */
export function isPassing(error: unknown): boolean {
  if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
  if (!(error instanceof MongoError) || error instanceof MongoClientClosedError) return false;
  if (error.hasErrorLabel(MongoErrorLabel.TransientTransactionError)) return true;
  if (error.hasErrorLabel(MongoErrorLabel.RetryableWriteError)) return true;
  return typeof error.code === 'number' && PASSING_CODES.has(error.code);
}

/** Whether a commit may or may not have taken effect. */
export function isUnknownCommit(error: unknown): boolean {
  return error instanceof MongoError && error.hasErrorLabel(MongoErrorLabel.UnknownTransactionCommitResult);
}

/** Whether another transaction was writing the same. */
export function isWriteConflict(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === WRITE_CONFLICT;
}

/** Whether a unique index refused a document. */
export function isDuplicateKey(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** The error for callers: passing ones become a TransientError, others stay as they are. */
export function forCaller(error: unknown): unknown {
  return isPassing(error) ? new TransientError(`MongoDB did not answer: ${messageOf(error)}`, { cause: error }) : error;
}

/** Runs a read; what passes is thrown as a TransientError. */
export async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw forCaller(error);
  }
}
