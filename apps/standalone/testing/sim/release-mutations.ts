import { fromBinary } from '@bufbuild/protobuf';
import { registry } from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import { handlesWith, loadsWith } from './mutations.js';
import { NEW_FIELD } from './next-release.js';
import type { Mutation } from './simulation.js';

/** Messages of a type that is not known are acknowledged as if they were handled. */
export function newTypesPassedOver(): Mutation {
  return handlesWith((handle, delivery) => (registry.getMessage(delivery.type) ? handle(delivery) : Promise.resolve()));
}

/** So are those that the rules of their type refuse. */
export function newValuesPassedOver(): Mutation {
  return handlesWith((handle, delivery) =>
    handle(delivery).catch((error: unknown) => {
      if (!(error instanceof PermanentError && error.code === 'invalid')) throw error;
    }),
  );
}

/** A message with a field that is not known is refused. */
export function newFieldsRefused(): Mutation {
  return handlesWith((handle, delivery) => {
    const schema = registry.getMessage(delivery.type);
    if (schema && fromBinary(schema, delivery.payload).$unknown)
      return Promise.reject(new PermanentError('invalid', `${delivery.type} has a field that is not known`));
    return handle(delivery);
  });
}

/** Documents are read without the fields that are not known, and so saved without them. */
export function newFieldsDropped(): Mutation {
  return loadsWith((stored) => {
    const { [NEW_FIELD]: _unknown, ...state } = stored.state as { readonly [NEW_FIELD]?: true };
    return { ...stored, state };
  });
}
