import { hash } from 'node:crypto';
import type { Cause } from '../ports.js';

/** Inbox key: the first half of the sha-256 of service, consumer and message id; short, because the inbox is kept for ever. */
export function inboxKeyOf(service: string, cause: Cause): Buffer {
  return hash('sha256', JSON.stringify([service, cause.consumer, cause.messageId]), 'buffer').subarray(0, 16);
}
