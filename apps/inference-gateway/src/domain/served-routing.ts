import type { SliceFeature } from './row-slices.js';

/** A model version that may serve. */
export interface ServedModel {
  readonly name: string;
  readonly version: number;
  /** Digest of the ONNX file. */
  readonly digest: string;
}

/** What the rollout service asks the gateways to serve for one endpoint. Plain data. */
export interface ServedRouting {
  readonly endpoint: string;
  readonly pipeline: string;
  /** Rises with each write; of two routings the one with the higher epoch holds. */
  readonly epoch: number;
  readonly champion: ServedModel;
  readonly candidate?: ServedModel;
  /** The champion before this one; kept loaded, so that going back takes no loading. */
  readonly previousChampion?: ServedModel;
  /** Share of the rows the candidate answers, 0..100. */
  readonly weightPercent: number;
  /** The candidate scores copies of the rows that the champion answers. */
  readonly shadow: boolean;
  /** By what the rows that both models score are told apart in the log; absent when by nothing. */
  readonly slices?: readonly SliceFeature[];
  /** Salt of the split. */
  readonly rolloutId: string;
}

/** True when `incoming` must replace `known`. A repeated or older one must not. */
export function supersedes(incoming: ServedRouting, known: ServedRouting | undefined): boolean {
  return known === undefined || incoming.epoch > known.epoch;
}

/** Every model the routing names: champion first. */
export function modelsOf(routing: ServedRouting): ServedModel[] {
  return [routing.champion, routing.candidate, routing.previousChampion].filter((model) => model !== undefined);
}
