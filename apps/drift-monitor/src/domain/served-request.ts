import { bytesFromText, bytesToText, floatsFromText, floatsToText, wordsFromText, wordsToText } from './float-text.js';
import { NO_KEY, rowKey } from './row-key.js';

/** Label not known yet. */
const UNKNOWN = 255;

/** What the champion said to one request, kept until the window it belongs to has been judged twice over. */
export type ServedRequest = {
  readonly pipeline: string;
  readonly requestId: string;
  readonly eventTimeMs: number;
  /** Digest of the champion that scored. */
  readonly modelDigest: string;
  /** Probability of the positive class per row, float32 in base64; NaN where the champion did not score. */
  readonly scores: string;
  /** Outcome per row, one byte each in base64; 255 = unknown. */
  readonly labels: string;
  /** {@link rowKey} per row, uint32 in base64; absent when no row has a key. */
  readonly keys?: string;
};

/** What became of the entries of a label message. */
export interface LabelJoin {
  readonly request: ServedRequest;
  /** Rows that the champion scored and whose outcome was not known before. */
  readonly joined: number;
  /** Repeated with the same outcome. */
  readonly duplicate: number;
  /** Repeated with another outcome; the first one stands. */
  readonly contradictory: number;
  /** Entries that name no row or are neither 0 nor 1. */
  readonly invalid: number;
}

/** Rows of a window, scores and outcomes in parallel. */
export interface WindowRows {
  /** Every row the champion scored. */
  readonly scores: Float32Array;
  /** Those whose outcome is known. */
  readonly labelledScores: Float32Array;
  readonly labels: Uint8Array;
  /** {@link rowKey} of those whose outcome is known. */
  readonly labelledKeys: Uint32Array;
  /** Scored rows of each request, and how many of them have an outcome. */
  readonly perRequest: { readonly scored: Float64Array; readonly labelled: Float64Array };
}

/** Keeps an answered request; a score that is no probability counts as not scored. */
export function servedRequest(
  served: Pick<ServedRequest, 'pipeline' | 'requestId' | 'eventTimeMs' | 'modelDigest'>,
  championScores: readonly number[],
  rowKeys: readonly string[] = [],
): ServedRequest {
  const keys = Uint32Array.from(rowKeys, rowKey);
  const scores = Float32Array.from(championScores, (score) => (score >= 0 && score <= 1 ? score : NaN));
  return {
    ...served,
    scores: floatsToText(scores),
    labels: bytesToText(new Uint8Array(scores.length).fill(UNKNOWN)),
    ...(keys.some((key) => key !== NO_KEY) && { keys: wordsToText(keys) }),
  };
}

/** Rows the champion scored. */
export function scoredRows({ scores }: ServedRequest): number {
  return floatsFromText(scores).filter((score) => !Number.isNaN(score)).length;
}

/** Joins outcomes to rows; each row takes one outcome, whatever is repeated or contradicted later. */
export function joinLabels(
  request: ServedRequest,
  observed: {
    readonly rowIndexes: readonly number[];
    readonly labels: Uint8Array;
  },
): LabelJoin {
  const scores = floatsFromText(request.scores);
  const labels = bytesFromText(request.labels);
  const counts = { joined: 0, duplicate: 0, contradictory: 0, invalid: 0 };
  observed.labels.forEach((label, entry) => {
    const row = observed.rowIndexes.length > 0 ? observed.rowIndexes[entry] : entry;
    if (row === undefined || row >= scores.length || label > 1) return void counts.invalid++;
    const known = labels[row]!;
    if (known !== UNKNOWN) return void counts[known === label ? 'duplicate' : 'contradictory']++;
    labels[row] = label;
    if (!Number.isNaN(scores[row])) counts.joined++;
  });
  return { request: { ...request, labels: bytesToText(labels) }, ...counts };
}

/** All rows of some requests. */
export function windowRows(requests: readonly ServedRequest[]): WindowRows {
  const parts = requests.map((request) => ({
    scores: floatsFromText(request.scores),
    labels: bytesFromText(request.labels),
    keys: request.keys === undefined ? undefined : wordsFromText(request.keys),
  }));
  const total = parts.reduce((sum, { scores }) => sum + scores.length, 0);
  const scores = new Float32Array(total);
  const labelledScores = new Float32Array(total);
  const labels = new Uint8Array(total);
  const labelledKeys = new Uint32Array(total);
  const perRequest = { scored: new Float64Array(parts.length), labelled: new Float64Array(parts.length) };
  let scored = 0;
  let labelled = 0;
  for (const [at, part] of parts.entries()) {
    const [scoredBefore, labelledBefore] = [scored, labelled];
    for (let row = 0; row < part.scores.length; row++) {
      const score = part.scores[row]!;
      if (Number.isNaN(score)) continue;
      scores[scored++] = score;
      const label = part.labels[row]!;
      if (label === UNKNOWN) continue;
      labelledScores[labelled] = score;
      labelledKeys[labelled] = part.keys?.[row] ?? NO_KEY;
      labels[labelled++] = label;
    }
    perRequest.scored[at] = scored - scoredBefore;
    perRequest.labelled[at] = labelled - labelledBefore;
  }
  return {
    scores: scores.slice(0, scored),
    labelledScores: labelledScores.slice(0, labelled),
    labels: labels.slice(0, labelled),
    labelledKeys: labelledKeys.slice(0, labelled),
    perRequest,
  };
}
