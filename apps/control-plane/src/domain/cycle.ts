import { assert } from '@rondo/kernel';
import type { ArtifactReference, EstimateValue, ModelReference } from './references.js';

export const PHASES = [
  'Preparing',
  'Labeling',
  'Training',
  'Selecting',
  'Evaluating',
  'AwaitingApproval',
  'RollingOut',
  'Finished',
] as const;
export type Phase = (typeof PHASES)[number];
export type CycleResult = 'Promoted' | 'Rejected' | 'RolledBack' | 'Failed' | 'Cancelled' | 'Superseded';

export interface SplitState {
  readonly name: string;
  readonly artifact: ArtifactReference;
  readonly rows: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface SnapshotState {
  readonly digest: string;
  readonly splits: readonly SplitState[];
  readonly featureViewDigest: string;
  readonly manifest?: ArtifactReference;
  readonly review?: ArtifactReference;
  readonly reviewRows: number;
}

/** A cycle is written often; all features are in the event. */
export const RELIANCES_KEPT = 50;

export interface CandidateState {
  readonly name: string;
  readonly state: 'Training' | 'Trained' | 'Failed';
  readonly trainer: string;
  readonly params: Readonly<Record<string, string>>;
  readonly validation: readonly EstimateValue[];
  readonly featureImportance: readonly number[];
  /** How much the log loss rises without a feature, the largest {@link RELIANCES_KEPT}; absent before it was measured. */
  readonly featureReliance?: readonly EstimateValue[];
  readonly complexity: number;
  readonly model?: ArtifactReference;
  readonly message: string;
  readonly durationMs: number;
  readonly progress: number;
  readonly stage: string;
}

export interface EvaluationState {
  readonly verdict: 'Pass' | 'Fail' | 'Inconclusive' | 'Error';
  readonly requiresReview: boolean;
  readonly report?: ArtifactReference;
  readonly modelCard?: ArtifactReference;
  readonly metrics: readonly EstimateValue[];
  /** Gate results as protobuf JSON: shown, never decided on. */
  readonly gates: readonly unknown[];
}

export interface PhaseRecord {
  readonly phase: Phase;
  readonly enteredAtMs: number;
  readonly leftAtMs?: number;
}

/** One run through the loop. */
export interface CycleState {
  readonly id: string;
  readonly pipeline: string;
  readonly number: number;
  readonly generation: number;
  readonly trigger: string;
  readonly startedBy: string;
  readonly decisionId: string;
  readonly causes: readonly string[];
  readonly merged: readonly string[];
  readonly phase: Phase;
  readonly result?: CycleResult;
  readonly reason: string;
  readonly phases: readonly PhaseRecord[];
  /** Policy time of the decision; the window of training data ends here. */
  readonly asOfMs: number;
  readonly startedAtMs: number;
  readonly finishedAtMs?: number;
  readonly champion?: ModelReference;
  readonly snapshot?: SnapshotState;
  readonly labelSet?: ArtifactReference;
  readonly campaignId?: string;
  readonly labelNote: string;
  readonly candidates: readonly CandidateState[];
  readonly selected?: string;
  readonly selectionNote: string;
  readonly evaluation?: EvaluationState;
  readonly approvalId?: string;
  readonly challenger?: ModelReference;
  readonly rolloutId?: string;
  readonly failedStep?: Phase;
  readonly cancelRequested?: string;
}

export interface CycleStart {
  readonly id: string;
  readonly pipeline: string;
  readonly number: number;
  readonly generation: number;
  readonly trigger: string;
  readonly startedBy: string;
  readonly decisionId: string;
  readonly causes: readonly string[];
  readonly asOfMs: number;
  readonly atMs: number;
  readonly champion?: ModelReference;
}

export function startCycle(start: CycleStart): CycleState {
  const { atMs, ...rest } = start;
  return {
    ...rest,
    merged: [],
    phase: 'Preparing',
    reason: '',
    phases: [{ phase: 'Preparing', enteredAtMs: atMs }],
    startedAtMs: atMs,
    labelNote: '',
    candidates: [],
    selectionNote: '',
  };
}

/** Moves to the next phase and keeps the record of when. */
export function enter(cycle: CycleState, phase: Phase, atMs: number, change: Partial<CycleState> = {}): CycleState {
  const phases = cycle.phases.map((record) => (record.leftAtMs === undefined ? { ...record, leftAtMs: atMs } : record));
  return {
    ...cycle,
    ...change,
    phase,
    phases: phase === 'Finished' ? phases : [...phases, { phase, enteredAtMs: atMs }],
  };
}

export function finish(cycle: CycleState, result: CycleResult, reason: string, atMs: number): CycleState {
  assert(cycle.phase !== 'Finished', `cycle ${cycle.id} is finished already`);
  const failed = result === 'Failed' ? { failedStep: cycle.phase } : {};
  return enter(cycle, 'Finished', atMs, { result, reason, finishedAtMs: atMs, ...failed });
}

/** Opens a failed cycle again at the step that failed. */
export function reopen(cycle: CycleState, atMs: number): CycleState {
  assert(cycle.failedStep !== undefined, `cycle ${cycle.id} has no failed step`);
  const { result: _result, finishedAtMs: _finished, failedStep, ...rest } = cycle;
  const candidates = failedStep === 'Training' ? [] : rest.candidates;
  return {
    ...rest,
    candidates,
    reason: '',
    phase: failedStep,
    phases: [...rest.phases, { phase: failedStep, enteredAtMs: atMs }],
  };
}

export function updateCandidate(cycle: CycleState, name: string, change: Partial<CandidateState>): CycleState {
  return {
    ...cycle,
    candidates: cycle.candidates.map((candidate) =>
      candidate.name === name ? { ...candidate, ...change } : candidate,
    ),
  };
}

/** True when no candidate is still being trained. */
export function trainingIsOver(cycle: CycleState): boolean {
  return cycle.candidates.every((candidate) => candidate.state !== 'Training');
}

/** What happens next or what the cycle waits for, in words. */
export function nextText(cycle: CycleState): string {
  switch (cycle.phase) {
    case 'Preparing':
      return 'training data is being prepared';
    case 'Labeling':
      return `people may label ${cycle.snapshot?.reviewRows ?? 0} doubtful rows; the cycle goes on by itself when the time for it is used up`;
    case 'Training': {
      const running = cycle.candidates
        .filter((candidate) => candidate.state === 'Training')
        .map((candidate) => candidate.name);
      return `waits for candidates ${running.join(', ')}`;
    }
    case 'Selecting':
      return 'the best candidate on the validation rows is being chosen';
    case 'Evaluating':
      return `${cycle.selected ?? 'the candidate'} is being judged on the sealed test rows`;
    case 'AwaitingApproval':
      return 'waits for people to approve or reject the rollout';
    case 'RollingOut':
      return 'traffic is moved step by step while the analyses hold';
    case 'Finished':
      return finishedText(cycle);
  }
}

function finishedText(cycle: CycleState): string {
  if (cycle.failedStep)
    return `the ${cycle.failedStep} step failed; retry it or let the next trigger start a new cycle`;
  const serving = cycle.result === 'Promoted' ? cycle.challenger : cycle.champion;
  const serves = serving ? `${serving.name} v${serving.version} serves all traffic` : 'no model serves';
  return `${serves}; after the cool-down the next trigger may start a cycle`;
}
