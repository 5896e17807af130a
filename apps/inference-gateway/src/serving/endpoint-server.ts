import type { LoadedModel } from '@rondo/models';
import type { InferRequest } from '../domain/infer-request.js';
import type { ServedModel, ServedRouting } from '../domain/served-routing.js';
import { slicerOf, type Slicer } from '../domain/row-slices.js';
import { bucketOf, isCandidates, saltOf } from '../domain/sticky-split.js';
import type { ModelPool, Place } from './model-pool.js';
import type { LoggedRows, LogPlace, PredictionLog } from './prediction-log.js';
import type { ShadowQueue } from './shadow-queue.js';

/** Longest wait for the candidate, and longest run of it, before the champion answers in its place. */
const CANDIDATE_BUDGET_MS = 1_000;

/**
 * Failures in a row after which the candidate is not asked for a while: each of them may have cost a caller the whole budget. What it
 * is not asked is no evidence about it, for or against: those requests count as the champion's only.
 */
const STRIKES_MAX = 5;
const REST_MS = 10_000;

/** What a caller gets. */
export interface Answer {
  /** Handle for labels and feedback; empty for rows that are not logged. */
  readonly requestId: string;
  /** Probability of class 1 per row. */
  readonly probabilities: Float32Array;
  /** 1 where the candidate answered; absent when it answered no row. */
  readonly byCandidate?: Uint8Array;
  /** Who answered the other rows. */
  readonly champion: ServedModel;
  readonly candidate?: ServedModel;
}

/** Scores of one model over all rows of a request; NaN where it did not score. */
interface Scored {
  readonly scores: Float32Array;
  latencyMs: number;
  /** Rows it was asked for and did not score. */
  errors: number;
  /** It was asked for at least one row. */
  asked: boolean;
}

/** Whose rows are whose: 1 for the candidate's. */
interface Arms {
  readonly assigned: Uint8Array;
  readonly byCandidate: Uint8Array;
}

/** Shared by all single rows that only the champion scores; never written to. */
const ONE_BY_CHAMPION = new Uint8Array(1);
const ONE_UNSCORED: Scored = { scores: Float32Array.of(Number.NaN), latencyMs: 0, errors: 0, asked: false };

const NO_SLICES = new Uint8Array(0);

/** What endpoint servers share. */
export interface ServingParts {
  readonly pool: ModelPool;
  readonly log: PredictionLog;
  readonly shadows: ShadowQueue;
  readonly now: () => number;
  /** Rows answered, by arm, and the time it took. */
  readonly observe: (endpoint: string, championRows: number, candidateRows: number, ms: number) => void;
  /** Rows whose comparison was given up for want of room. */
  readonly uncompared: (endpoint: string, rows: number) => void;
  /** A routing took over. */
  readonly serves: (routing: ServedRouting) => void;
}

/**
 * Answers the requests of one endpoint under one routing. The caller never notices the candidate's failures: the champion answers
 * in its place and the failure is logged. Whatever is scored only for the comparison is scored after the answer.
 */
export class EndpointServer {
  readonly #salt: number;
  readonly #candidate: ServedModel | undefined;
  readonly #slicer: Slicer | undefined;
  #strikes = 0;
  #restUntilMs = 0;

  constructor(
    readonly routing: ServedRouting,
    readonly championModel: LoadedModel,
    /** Absent while there is none, or when it could not be loaded. */
    readonly candidateModel: LoadedModel | undefined,
    private readonly parts: ServingParts,
  ) {
    this.#salt = saltOf(routing.rolloutId);
    this.#candidate = routing.candidate;
    this.#slicer = routing.slices && slicerOf(routing.slices, championModel.features);
  }

  /** Number of features a row has. */
  get features(): number {
    return this.championModel.features;
  }

  /** Answers a request that has passed its checks. */
  async infer(request: InferRequest): Promise<Answer> {
    const started = performance.now();
    const eventTimeMs = request.eventTimeMs ?? this.parts.now();
    const { log } = this.parts;
    // A caller with an id of its own reports outcomes by it, so its row gets a message of its own.
    const gathered = request.count === 1 && request.id === '';
    const place = gathered ? log.row(this.routing, eventTimeMs) : log.request(this.routing, request.id, eventTimeMs);
    const answer = this.#candidate ? await this.#compared(request, place) : await this.#alone(request, place);
    const candidateRows = answer.byCandidate ? countOnes(answer.byCandidate) : 0;
    this.parts.observe(
      this.routing.endpoint,
      request.count - candidateRows,
      candidateRows,
      performance.now() - started,
    );
    return answer;
  }

  /** Scores with one version that the caller chose. Self-selected traffic says nothing about the split, so it is not logged. */
  async inferVersion(version: ServedModel, request: InferRequest): Promise<Answer> {
    const probabilities = await this.#ask(version, request.rows, request.count);
    return { requestId: '', probabilities, champion: version };
  }

  async #alone(request: InferRequest, place: LogPlace): Promise<Answer> {
    const { champion } = this.routing;
    const { count } = request;
    try {
      const probabilities = await this.#ask(champion, request.rows, count);
      const byCandidate = count === 1 ? ONE_BY_CHAMPION : new Uint8Array(count);
      place.fill(
        logged(
          request,
          { assigned: byCandidate, byCandidate },
          { scores: probabilities, latencyMs: 0, errors: 0, asked: true },
          count === 1 ? ONE_UNSCORED : unscored(count),
        ),
      );
      return { requestId: place.handle, probabilities, champion };
    } catch (error) {
      const none = new Uint8Array(count);
      const failed = { ...unscored(count), errors: count, asked: true };
      place.fill(logged(request, { assigned: none, byCandidate: none }, failed, unscored(count)));
      throw error;
    }
  }

  async #compared(request: InferRequest, place: LogPlace): Promise<Answer> {
    const { count } = request;
    const champion = unscored(count);
    const candidate = unscored(count);
    const assigned = this.#assign(request);
    const chosen = rowsWhere(assigned, 1);
    if (chosen.length > 0) await this.#tryCandidate(request, chosen, candidate);
    const byCandidate = Uint8Array.from(assigned, (flag, row) =>
      flag === 1 && !Number.isNaN(candidate.scores[row]!) ? 1 : 0,
    );
    const others = rowsWhere(byCandidate, 0);
    try {
      if (others.length > 0) await this.#score(this.routing.champion, request, others, champion);
    } catch (error) {
      champion.errors += others.length;
      place.fill(this.#logged(request, { assigned, byCandidate }, champion, candidate));
      throw error;
    }
    const probabilities = Float32Array.from(
      byCandidate,
      (flag, row) => (flag === 1 ? candidate : champion).scores[row]!,
    );
    this.#shadow(request, place, { assigned, byCandidate, champion, candidate });
    const served = countOnes(byCandidate) > 0;
    return {
      requestId: place.handle,
      probabilities,
      champion: this.routing.champion,
      ...(served && { byCandidate, candidate: this.#candidate }),
    };
  }

  /** 1 for the rows that the split gives to the candidate. A row without a key falls by chance. */
  #assign(request: InferRequest): Uint8Array {
    const { weightPercent } = this.routing;
    const assigned = new Uint8Array(request.count);
    if (weightPercent === 0) return assigned;
    for (let row = 0; row < request.count; row++) {
      const key = request.keys?.[row];
      const bucket = key === undefined ? Math.random() * 10_000 : bucketOf(this.#salt, key);
      if (isCandidates(bucket, weightPercent)) assigned[row] = 1;
    }
    return assigned;
  }

  /** Scores what is missing for the paired comparison, after the answer, then completes the log. */
  #shadow(request: InferRequest, place: LogPlace, done: Arms & { champion: Scored; candidate: Scored }): void {
    const { byCandidate, champion, candidate } = done;
    const canaryRows = rowsWhere(byCandidate, 1);
    const copies = this.routing.shadow ? rowsWhere(byCandidate, 0) : [];
    // Only the time of the same rows is comparable: the champion's own rows count when the candidate scores them too.
    if (copies.length === 0) champion.latencyMs = 0;
    if (canaryRows.length === 0) candidate.latencyMs = 0;
    const finish = (): void => place.fill(this.#logged(request, done, champion, candidate));
    if (canaryRows.length + copies.length === 0) return finish();
    const compare = async (): Promise<void> => {
      if (copies.length > 0) await this.#tryCandidate(request, copies, candidate);
      if (canaryRows.length > 0)
        await this.#score(this.routing.champion, request, canaryRows, champion).catch(
          () => (champion.errors += canaryRows.length),
        );
      finish();
    };
    const rows = canaryRows.length + copies.length;
    if (this.parts.shadows.offer(rows, compare)) return;
    this.parts.uncompared(this.routing.endpoint, rows);
    champion.latencyMs = 0;
    candidate.latencyMs = 0;
    finish();
  }

  #logged(request: InferRequest, arms: Arms, champion: Scored, candidate: Scored): LoggedRows {
    return logged(request, arms, champion, candidate, this.#slicer?.(request.rows, request.count));
  }

  async #tryCandidate(request: InferRequest, rows: readonly number[], into: Scored): Promise<void> {
    const { candidateModel } = this;
    if (this.#strikes >= STRIKES_MAX && this.parts.now() < this.#restUntilMs) return;
    if (!candidateModel || candidateModel.features !== this.features) {
      into.asked = true;
      into.errors += rows.length;
      return;
    }
    try {
      await this.#score(this.#candidate!, request, rows, into);
      this.#strikes = 0;
    } catch {
      into.errors += rows.length;
      this.#strikes += 1;
      this.#restUntilMs = this.parts.now() + REST_MS;
    }
  }

  async #score(model: ServedModel, request: InferRequest, rows: readonly number[], into: Scored): Promise<void> {
    const started = performance.now();
    into.asked = true;
    const scores = await this.#ask(model, pick(request, rows, this.features), rows.length);
    into.latencyMs += performance.now() - started;
    rows.forEach((row, i) => (into.scores[row] = scores[i]!));
  }

  #ask(model: ServedModel, rows: Float32Array, count: number): Promise<Float32Array> {
    const place = placeOf(this.routing, model);
    const budget = place === 'trial' ? { budgetMs: CANDIDATE_BUDGET_MS } : {};
    return this.parts.pool.score({ digest: model.digest, place }, rows, count, budget);
  }
}

/** A candidate is on trial; the champion and the one before it serve. */
export function placeOf(routing: ServedRouting, model: ServedModel): Place {
  return model === routing.candidate ? 'trial' : 'serving';
}

function unscored(count: number): Scored {
  return { scores: new Float32Array(count).fill(Number.NaN), latencyMs: 0, errors: 0, asked: false };
}

function logged(
  request: InferRequest,
  { assigned, byCandidate }: Arms,
  champion: Scored,
  candidate: Scored,
  slices: Uint8Array = NO_SLICES,
): LoggedRows {
  // Columns of the record run in parallel: rows without keys have empty ones.
  const { keys = Array<string>(request.count).fill('') } = request;
  return {
    keys,
    assigned,
    byCandidate,
    championScores: champion.scores,
    candidateScores: candidate.scores,
    slices,
    championLatencyMs: champion.latencyMs,
    candidateLatencyMs: candidate.latencyMs,
    championErrors: champion.errors,
    candidateErrors: candidate.errors,
    championRequests: Number(champion.asked),
    championFailedRequests: Number(champion.errors > 0),
    candidateRequests: Number(candidate.asked),
    candidateFailedRequests: Number(candidate.errors > 0),
  };
}

function pick(request: InferRequest, rows: readonly number[], features: number): Float32Array {
  if (rows.length === request.count) return request.rows;
  const picked = new Float32Array(rows.length * features);
  rows.forEach((row, i) => picked.set(request.rows.subarray(row * features, (row + 1) * features), i * features));
  return picked;
}

function rowsWhere(flags: Uint8Array, value: 0 | 1): number[] {
  const rows: number[] = [];
  for (let row = 0; row < flags.length; row++) if (flags[row] === value) rows.push(row);
  return rows;
}

function countOnes(flags: Uint8Array): number {
  let ones = 0;
  for (const flag of flags) ones += flag;
  return ones;
}
