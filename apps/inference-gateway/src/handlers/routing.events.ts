import { Inject } from '@nestjs/common';
import { RoutingChangedSchema, type RoutingChanged } from '@rondo/contracts';
import { BusController, HandleEvent } from '@rondo/service';
import { routingFrom } from '../contract-map.js';
import { InferenceGateway } from '../inference-gateway.js';

/** Routing in. Epochs make repeats and late copies harmless, so there is no inbox. */
@BusController()
export class RoutingEvents {
  constructor(@Inject(InferenceGateway) private readonly gateway: InferenceGateway) {}

  @HandleEvent(RoutingChangedSchema)
  async onRoutingChanged(event: RoutingChanged): Promise<void> {
    const routing = routingFrom(event);
    if (routing) await this.gateway.table.apply(routing);
  }
}
