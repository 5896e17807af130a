import type { ModelRef, RoutingChanged } from '@rondo/contracts';
import type { SliceFeature } from './domain/row-slices.js';
import type { ServedModel, ServedRouting } from './domain/served-routing.js';

/** What a routing change asks for; undefined without a champion, which the rollout service never publishes. */
export function routingFrom(event: RoutingChanged): ServedRouting | undefined {
  const champion = modelFrom(event.champion);
  const candidate = modelFrom(event.candidate);
  const previousChampion = modelFrom(event.previousChampion);
  if (!champion) return undefined;
  return {
    endpoint: event.endpoint,
    pipeline: event.pipeline,
    epoch: Number(event.epoch),
    champion,
    ...(candidate && { candidate }),
    ...(previousChampion && { previousChampion }),
    weightPercent: candidate ? Math.min(100, Math.max(0, event.candidateWeightPercent)) : 0,
    shadow: candidate !== undefined && event.shadow,
    ...(candidate && event.slices.length > 0 && { slices: event.slices.map(sliceFeatureFrom) }),
    rolloutId: event.rolloutId,
  };
}

function sliceFeatureFrom({ column, cuts, values }: RoutingChanged['slices'][number]): SliceFeature {
  return values.length > 0 ? { column, values: [...values] } : { column, cuts: [...cuts] };
}

function modelFrom(model: ModelRef | undefined): ServedModel | undefined {
  if (!model || model.digest === '') return undefined;
  return { name: model.name, version: model.version, digest: model.digest };
}
