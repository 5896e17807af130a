import { hash } from 'node:crypto';
import { idFrom } from '@rondo/kernel';
import type { Cause } from './ports.js';

const NAMESPACE = Buffer.from(idFrom('journal', 'message').replaceAll('-', ''), 'hex');

/**
 * Id of the message that a cause leads to at a place (from 0) of its unit of work: UUIDv5 (RFC 9562) of the JSON array
 * [service, consumer, cause's message id, place] in the journal's own namespace. Every message is given one, so it is made
 * without the detours of a general library.
 */
export function messageIdOf(service: string, cause: Cause, place: number): string {
  const name = Buffer.from(JSON.stringify([service, cause.consumer, cause.messageId, place]));
  const digits = hash('sha1', Buffer.concat([NAMESPACE, name]), 'hex');
  const variant = ((Number.parseInt(digits[16]!, 16) & 0x3) | 0x8).toString(16);
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `5${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join('-');
}
