import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { OverrideRequestedSchema } from '@rondo/contracts';
import type { Outgoing } from '@rondo/journal';
import type { RpcContext } from '@rondo/service';
import { actorTo, outgoing } from '../contract-map.js';
import type { ActorReference } from '../domain/references.js';

export function callerOf(context: RpcContext): ActorReference {
  const { id, roles } = context.principal;
  return { id, kind: id.startsWith('service:') ? 'service' : 'human', roles: [...roles] };
}

/** What an override leaves in the audit, whatever it does. */
export function overrideFact(
  context: RpcContext,
  what: {
    readonly pipeline: string;
    readonly method: string;
    readonly subject: string;
    readonly reason: string;
    readonly requestId: string;
  },
): Outgoing {
  return outgoing(OverrideRequestedSchema, { ...what, actor: actorTo(callerOf(context)), outcome: 'accepted' });
}

/** The parts of a request that `answerOnce` needs. */
export function identified<I extends DescMessage>(
  context: RpcContext,
  schema: I,
  request: MessageShape<I> & { readonly requestId: string },
  method: string,
): { method: string; requestId: string; schema: I; request: MessageShape<I>; actor: string; traceparent?: string } {
  return {
    method,
    requestId: request.requestId,
    schema,
    request,
    actor: context.principal.id,
    ...(context.traceparent && { traceparent: context.traceparent }),
  };
}
