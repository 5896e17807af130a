import { Inject } from '@nestjs/common';
import { RoutingChangedSchema, type RoutingChanged } from '@rondo/contracts';
import { BusController, causeOf, HandleEvent, PLATFORM, type Delivery, type Platform } from '@rondo/service';
import { routingFrom } from '../contract-map.js';
import { keepRouting } from '../serving/known-routings.js';

/** Keeps the newest routing of each endpoint for replicas that start later; what runs hears of it by itself. */
@BusController()
export class RoutingEvents {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @HandleEvent(RoutingChangedSchema)
  async onRoutingChanged(event: RoutingChanged, delivery: Delivery): Promise<void> {
    const routing = routingFrom(event);
    if (routing) await this.platform.journal.once(causeOf(delivery), (unit) => keepRouting(unit, routing));
  }
}
