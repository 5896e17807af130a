import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { Catch, Controller, UseFilters, type ExceptionFilter } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';
import type { Delivery } from '../ports.js';

/** Identifies the bus among Nest's transports. */
export const BUS_TRANSPORT = Symbol('rondo.bus');

/** Without it Nest turns every error into "Internal server error" and the bus could not tell permanent from transient. */
@Catch()
class LetErrorsThrough implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/** Marks a class whose `@HandleEvent` methods receive messages from the bus. */
export function BusController(): ClassDecorator {
  return Controller();
}

/**
 * Marks the method that handles one message type: parameter 0 is the decoded and checked message, parameter 1 the
 * {@link Delivery}. The compiler refuses a parameter that does not fit the schema. The topic follows from the schema.
 * The method resolves when its effects are durable and rejects to have the message retried or parked.
 */
export function HandleEvent<D extends DescMessage>(
  schema: D,
): <H extends (message: MessageShape<D>, delivery: Delivery) => Promise<void>>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<H>,
) => void {
  return (target, method, descriptor) => {
    // Nest hands over only the payload as long as no parameter is marked.
    Payload()(target, method, 0);
    Ctx()(target, method, 1);
    UseFilters(new LetErrorsThrough())(target, method, descriptor);
    const mark = EventPattern(schema.typeName, BUS_TRANSPORT, { schema }) as MethodDecorator;
    mark(target, method, descriptor);
  };
}
