import { createRequire } from 'node:module';

/** The parts of kafkajs's queue of requests, one per connection, that this module touches. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests(): void;
}

const require = createRequire(import.meta.url);
const { prototype } = require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue };

/**
 * Lets idle connections of kafkajs sleep. Once it has had its first answer, each connection of kafkajs 2.2.4 looks for requests
 * that wait every millisecond, also when none does, which costs an idle process with five of them some 4 % of a core
 * (tulios/kafkajs #1556). A request that has to wait schedules the look itself, so none is needed while none waits.
 */
export function letIdleConnectionsSleep(): void {
  prototype.scheduleCheckPendingRequests = whenSomeWait;
}

const schedule = prototype.scheduleCheckPendingRequests;

function whenSomeWait(this: RequestQueue): void {
  if (this.pending.length > 0) schedule.call(this);
}
