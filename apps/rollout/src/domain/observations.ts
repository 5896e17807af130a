/** One answered request as the rollout needs it. Columns run in parallel; `null` where a model did not score the row. */
export interface ServedBatch {
  readonly requestId: string;
  readonly eventTimeMs: number;
  /** Routing epoch it was served under. */
  readonly epoch: number;
  readonly candidateDigest?: string;
  /** What the split goes by; '' for a row without a key, which falls by chance. */
  readonly keys: readonly string[];
  /** Rows the split gave to the candidate, whether it answered or not; empty when that is not known. */
  readonly assignedToCandidate: readonly boolean[];
  readonly servedByCandidate: readonly boolean[];
  readonly championScores: readonly (number | null)[];
  readonly candidateScores: readonly (number | null)[];
  /** Row after row a code for each feature that slices are by; absent when the gateway told none. */
  readonly slices?: Uint8Array;
  /** Wall time of the whole request per model; 0 when it was not used. */
  readonly championLatencyMs: number;
  readonly candidateLatencyMs: number;
  /** Requests in which each model was asked to score a row, and how many of them failed; a message may gather several requests. */
  readonly champion: AskedRequests;
  readonly candidate: AskedRequests;
}

/** Rows of one request fail together, so a request counts once, however many it has. One that was not asked does not count. */
export interface AskedRequests {
  readonly requests: number;
  readonly failed: number;
}

/** One row that both models scored and whose outcome is known. */
export interface ScoredPair {
  readonly champion: number;
  readonly candidate: number;
  readonly label: 0 | 1;
  /** A code for each feature that slices are by; absent when it is not known. */
  readonly slices?: readonly number[];
}

/** Outcomes of a request: entry i belongs to row `rowIndexes[i]`, or to row i when there are none. */
export interface ObservedLabels {
  readonly requestId: string;
  readonly rowIndexes: readonly number[];
  readonly labels: readonly number[];
}

/** Feedback on one row. */
export interface ObservedFeedback {
  readonly requestId: string;
  readonly rowIndex: number;
  readonly name: string;
  readonly value: number;
}

/** The scores of one request, kept until its outcomes are known. */
export interface PendingPrediction {
  readonly rolloutId: string;
  readonly requestId: string;
  readonly eventTimeMs: number;
  /** Order of arrival in the rollout. */
  readonly sequence: number;
  readonly rows: number;
  /** Rows that both models scored, with their scores in parallel. */
  readonly pairedRows: readonly number[];
  readonly champion: readonly number[];
  readonly candidate: readonly number[];
  /** Paired row after paired row a code for each feature that slices are by. */
  readonly slices?: readonly number[];
  /** Rows the candidate answered. */
  readonly candidateRows: readonly number[];
  /** Outcome per paired row, in the order of `pairedRows`; -1 = unknown yet. */
  readonly outcomes: readonly number[];
  /** `row|name` of the feedback already counted. */
  readonly feedbackSeen: readonly string[];
}

/** What became of the entries of a label message. */
export interface LabelCounts {
  /** Joined to a pair and counted. */
  readonly joined: number;
  /** Known rows that only one model scored: nothing to compare. */
  readonly unpaired: number;
  /** Repeated with the same outcome. */
  readonly duplicate: number;
  /** Repeated with another outcome; the first one stands. */
  readonly contradictory: number;
  /** Rows or requests that were never logged. */
  readonly unknown: number;
}

/** Nothing counted. */
export const noLabels: LabelCounts = {
  joined: 0,
  unpaired: 0,
  duplicate: 0,
  contradictory: 0,
  unknown: 0,
};

/** Keeps what a later join needs; undefined when the request holds nothing to compare. */
export function pendingFrom(
  batch: ServedBatch,
  keep: {
    readonly rolloutId: string;
    readonly sequence: number;
    readonly unpairedToo: boolean;
    /** Features that slices are by. */
    readonly sliceFeatures: number;
  },
): PendingPrediction | undefined {
  const pairedRows: number[] = [];
  const champion: number[] = [];
  const candidate: number[] = [];
  const candidateRows: number[] = [];
  for (let row = 0; row < batch.championScores.length; row++) {
    const a = batch.championScores[row];
    const b = batch.candidateScores[row];
    if (batch.servedByCandidate[row]) candidateRows.push(row);
    if (a === null || a === undefined || b === null || b === undefined) continue;
    pairedRows.push(row);
    champion.push(a);
    candidate.push(b);
  }
  if (pairedRows.length === 0 && !keep.unpairedToo) return undefined;
  const outcomes = pairedRows.map(() => -1);
  const { requestId, eventTimeMs } = batch;
  const { rolloutId, sequence, sliceFeatures } = keep;
  const slices = slicesOf(batch, pairedRows, sliceFeatures);
  return {
    rolloutId,
    requestId,
    eventTimeMs,
    sequence,
    rows: batch.championScores.length,
    pairedRows,
    champion,
    candidate,
    ...(slices && { slices }),
    candidateRows,
    outcomes,
    feedbackSeen: [],
  };
}

/** The codes of some rows; undefined when the gateway told none, or of other features. */
function slicesOf({ slices, keys }: ServedBatch, rows: readonly number[], features: number): number[] | undefined {
  if (features === 0 || slices?.length !== keys.length * features) return undefined;
  const codes: number[] = [];
  for (const row of rows) for (let i = 0; i < features; i++) codes.push(slices[row * features + i]!);
  return codes;
}

/** Joins outcomes to the scores they belong to; each row counts once, whatever is repeated or contradicted later. */
export function joinLabels(
  pending: PendingPrediction,
  observed: ObservedLabels,
): {
  readonly pending: PendingPrediction;
  readonly pairs: readonly ScoredPair[];
  readonly counts: LabelCounts;
} {
  const outcomes = [...pending.outcomes];
  const positionOf = new Map(pending.pairedRows.map((row, position) => [row, position]));
  const counts = { ...noLabels };
  const pairs: ScoredPair[] = [];
  const features = (pending.slices?.length ?? 0) / pending.pairedRows.length;
  observed.labels.forEach((value, entry) => {
    const row = observed.rowIndexes.length > 0 ? observed.rowIndexes[entry] : entry;
    if (row === undefined || row >= pending.rows || (value !== 0 && value !== 1)) return void (counts.unknown += 1);
    const position = positionOf.get(row);
    if (position === undefined) return void (counts.unpaired += 1);
    const known = outcomes[position]!;
    if (known >= 0) return void (counts[known === value ? 'duplicate' : 'contradictory'] += 1);
    outcomes[position] = value;
    counts.joined += 1;
    pairs.push({
      champion: pending.champion[position]!,
      candidate: pending.candidate[position]!,
      label: value,
      ...(pending.slices && { slices: pending.slices.slice(position * features, (position + 1) * features) }),
    });
  });
  return { pending: { ...pending, outcomes }, pairs, counts };
}

/** True when every pair has its outcome. */
export function isComplete(pending: PendingPrediction): boolean {
  return pending.outcomes.every((outcome) => outcome >= 0);
}

/** Finds the arm that answered the row the feedback is about; undefined when the row is unknown or was counted before. */
export function joinFeedback(
  pending: PendingPrediction,
  observed: ObservedFeedback,
):
  | {
      readonly pending: PendingPrediction;
      readonly arm: 'candidate' | 'champion';
      readonly name: string;
      readonly value: number;
    }
  | undefined {
  const mark = `${observed.rowIndex}|${observed.name}`;
  if (observed.rowIndex >= pending.rows || pending.feedbackSeen.includes(mark)) return undefined;
  const arm = pending.candidateRows.includes(observed.rowIndex) ? 'candidate' : 'champion';
  return {
    pending: { ...pending, feedbackSeen: [...pending.feedbackSeen, mark] },
    arm,
    name: observed.name,
    value: observed.value,
  };
}
