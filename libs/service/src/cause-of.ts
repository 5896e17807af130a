import type { Cause } from '@rondo/journal';
import type { Delivery } from '@rondo/messaging';

/** The cause that a delivery is to `journal.once`: carried out once per group and message. */
export function causeOf(delivery: Delivery): Cause {
  const traceparent = delivery.headers['traceparent'];
  return { consumer: delivery.group, messageId: delivery.id, ...(traceparent !== undefined && { traceparent }) };
}
