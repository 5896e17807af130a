import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ChampionChangedSchema, ModelRegisteredSchema } from '@rondo/contracts';
import type { Unit } from '@rondo/journal';
import { assert } from '@rondo/kernel';
import { actorTo, artifactTo, estimateTo, outgoing } from '../contract-map.js';
import type { CycleState } from '../domain/cycle.js';
import type { PipelineState } from '../domain/pipeline.js';
import type { ActorReference, ArtifactReference, EstimateValue, ModelReference } from '../domain/references.js';

/** A registered version with everything it came from, by digest. */
export interface ModelVersionState {
  readonly model: ModelReference;
  readonly pipeline: string;
  readonly cycleId: string;
  readonly candidate: string;
  readonly snapshotDigest: string;
  readonly featureViewDigest: string;
  readonly featureNames: readonly string[];
  readonly featureImportance: readonly number[];
  readonly referenceRows: ArtifactReference;
  readonly report?: ArtifactReference;
  readonly modelCard?: ArtifactReference;
  readonly metrics: readonly EstimateValue[];
  readonly registeredAtMs: number;
}

/** Who held an alias from when to when. */
export interface AliasState {
  readonly pipeline: string;
  readonly alias: 'champion';
  readonly model: ModelReference;
  readonly sinceMs: number;
  readonly untilMs?: number;
  readonly actor: ActorReference;
  readonly reason: string;
  readonly cycleId: string;
}

export const MODEL_VERSION = 'model-version';
export const ALIAS = 'alias-entry';

const versionId = (pipeline: string, version: number): string => `${pipeline}/${String(version).padStart(6, '0')}`;

/** Gives the challenger the next version number. */
export function registerChallenger(
  unit: Unit,
  pipeline: PipelineState,
  cycle: CycleState,
  model: { readonly name: string; readonly featureNames: readonly string[]; readonly atMs: number },
): { pipeline: PipelineState; challenger: ModelReference } {
  const candidate = cycle.candidates.find((item) => item.name === cycle.selected);
  const train = cycle.snapshot?.splits.find((split) => split.name === 'train');
  assert(
    candidate?.model && cycle.snapshot && cycle.evaluation && train,
    `cycle ${cycle.id} registers what was not judged`,
  );
  const challenger: ModelReference = {
    name: model.name,
    version: pipeline.versions + 1,
    digest: candidate.model.digest,
  };
  const { report, modelCard } = cycle.evaluation;
  const state: ModelVersionState = {
    model: challenger,
    pipeline: pipeline.name,
    cycleId: cycle.id,
    candidate: candidate.name,
    snapshotDigest: cycle.snapshot.digest,
    featureViewDigest: cycle.snapshot.featureViewDigest,
    featureNames: model.featureNames,
    featureImportance: candidate.featureImportance,
    referenceRows: train.artifact,
    metrics: cycle.evaluation.metrics,
    registeredAtMs: model.atMs,
    ...(report && { report }),
    ...(modelCard && { modelCard }),
  };
  unit.save<ModelVersionState>({
    kind: MODEL_VERSION,
    id: versionId(pipeline.name, challenger.version),
    state,
    index: { pipeline: pipeline.name, digest: challenger.digest, version: challenger.version },
    outgoing: [
      outgoing(
        ModelRegisteredSchema,
        {
          pipeline: pipeline.name,
          cycleId: cycle.id,
          model: challenger,
          snapshotDigest: state.snapshotDigest,
          featureViewDigest: state.featureViewDigest,
          candidate: state.candidate,
          featureImportance: [...state.featureImportance],
          featureNames: [...state.featureNames],
          report: artifactTo(report),
          modelCard: artifactTo(modelCard),
        },
        { cycleid: cycle.id },
      ),
    ],
  });
  return { pipeline: { ...pipeline, versions: challenger.version }, challenger };
}

export interface ChampionMove {
  readonly to: ModelReference;
  readonly actor: ActorReference;
  readonly reason: string;
  readonly atMs: number;
  readonly eventTimeMs: number;
}

/** Moves the alias `champion`, keeps its history and tells everyone. */
export async function moveChampion(unit: Unit, pipeline: PipelineState, move: ChampionMove): Promise<PipelineState> {
  const version = await unit.load<ModelVersionState>(MODEL_VERSION, versionId(pipeline.name, move.to.version));
  assert(version, `champion ${move.to.version} of ${pipeline.name} was never registered`);
  const open = await unit.list<AliasState>(ALIAS, { where: { pipeline: pipeline.name, open: 1 }, limit: 1 });
  const last = open.items[0];
  // Clocks of processes disagree; the history must not: an entry never begins before the one it follows.
  const atMs = Math.max(move.atMs, last?.state.sinceMs ?? 0);
  if (last) {
    const { sinceMs } = last.state;
    unit.save<AliasState>({
      kind: ALIAS,
      id: last.id,
      state: { ...last.state, untilMs: atMs },
      index: { pipeline: pipeline.name, sinceMs, open: 0 },
    });
  }
  const { state } = version;
  unit.save<AliasState>({
    kind: ALIAS,
    id: `${pipeline.name}/${atMs}/${move.to.version}`,
    state: {
      pipeline: pipeline.name,
      alias: 'champion',
      model: move.to,
      sinceMs: atMs,
      actor: move.actor,
      reason: move.reason,
      cycleId: state.cycleId,
    },
    index: { pipeline: pipeline.name, sinceMs: atMs, open: 1 },
    outgoing: [
      outgoing(
        ChampionChangedSchema,
        {
          pipeline: pipeline.name,
          cycleId: state.cycleId,
          from: pipeline.champion,
          to: move.to,
          actor: actorTo(move.actor),
          reason: move.reason,
          snapshotDigest: state.snapshotDigest,
          referenceRows: artifactTo(state.referenceRows),
          featureImportance: [...state.featureImportance],
          featureNames: [...state.featureNames],
          referenceMetrics: state.metrics.map(estimateTo),
          eventTime: timestampFromMs(move.eventTimeMs),
        },
        { cycleid: state.cycleId },
      ),
    ],
  });
  return { ...pipeline, champion: move.to, championSinceMs: atMs, championSincePolicyMs: move.eventTimeMs };
}
