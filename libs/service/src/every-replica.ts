import type { SubscribeOptions } from '@rondo/messaging';
import type { Platform } from './ports.js';

/**
 * Subscription by which every replica of the service receives every message, instead of sharing them: each has a group of its own.
 * A group is new with each start of a replica, so it begins with the newest message unless `startAt` says otherwise; what came
 * before must be known from elsewhere.
 */
export function everyReplica({ replica }: Pick<Platform, 'replica'>, options: SubscribeOptions): SubscribeOptions {
  if (!replica) return options;
  return { startAt: 'newest', ...options, group: `${options.group}@${replica.name}` };
}
