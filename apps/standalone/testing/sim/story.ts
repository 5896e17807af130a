import { create, toBinary, type DescMessage, type DescMethodUnary, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  AnnounceArrivalSchema,
  ApprovalService,
  CycleService,
  LabelsObservedSchema,
  PipelineService,
  PredictionsLoggedSchema,
  RolloutService,
  topicOf,
  type ModelRef,
  type RoutingChanged,
} from '@rondo/contracts';
import type { Engine } from '@rondo/datasets';
import type { Stored } from '@rondo/journal';
import { idFrom, PermanentError, seededRandom, type Random } from '@rondo/kernel';
import type { Envelope } from '@rondo/messaging';
import type { RpcContext } from '@rondo/service';
import type { Simulation } from './simulation.js';

export const PIPELINE = 'machines';
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FIRST_MS = Date.UTC(2001, 0, 1);
const ROWS_PER_REQUEST = 40;
/** So many that the drift test uses its asymptotic form, a hundred times cheaper than the exact one. */
const ROWS_PER_WEEK = 1050;
/** The third model is the one that does harm in the canary, whatever its sealed test said. */
const HARMFUL_VERSION = 3;

/** Weeks of the story: what upstream announces, in its order. */
const WEEKS = [
  { week: 0, times: 1 },
  { week: 1, times: 1 },
  { week: 2, times: 3 },
  { week: 4, times: 1 },
  // A week that comes after the one that follows it.
  { week: 3, times: 1 },
  { week: 5, times: 1, broken: true },
  { week: 6, times: 1 },
  { week: 7, times: 1 },
] as const;

/** The pipeline of the story: one signal, one distractor, two recipes, one approval, a shadow and a canary step. */
export const DOCUMENT = {
  apiVersion: 'rondo.dev/v1',
  kind: 'Pipeline',
  metadata: { name: PIPELINE },
  spec: {
    time: 'EventTime',
    owners: [{ team: 'plant', contact: '#plant' }],
    model: {
      name: 'failure-soon',
      task: 'BinaryClassification',
      target: { column: 'fails', definition: 'the machine fails within a day' },
      predictionTime: 'when the reading is taken',
    },
    data: {
      source: { eventTimeColumn: 'taken', lookback: '0s' },
      contract: { file: 'contract.yaml' },
      onViolation: 'Quarantine',
      features: {
        sql: { file: 'features.sql' },
        key: 'reading',
        eventTime: 'taken',
        reviewReason: 'doubt',
        columns: ['heat', 'noise'],
      },
      window: '14d',
      split: { validation: '2d', test: '2d', embargo: '0s' },
      maxTrainRows: 1000,
    },
    labeling: {
      maxItems: 4,
      maxDuration: '1h',
      question: 'Did the machine fail within a day?',
      classes: [
        { value: '1', title: 'Failed' },
        { value: '0', title: 'Held' },
      ],
      guideline: 'Look at the log of the machine.',
      suggestions: { blindShare: 0.5 },
      quality: { minCoverage: 0 },
      onExhausted: 'ContinueWithout',
    },
    triggers: [
      { name: 'bootstrap', on: 'BatchReady', when: '!champion.exists && data.readyRows >= 2100' },
      { name: 'renewal', on: 'BatchReady', when: 'champion.exists && champion.ageDays >= 14.0' },
    ],
    triggerPolicy: {
      cooldown: { afterPromotion: '14d', afterRejection: '7d', afterRollback: '28d', afterFailure: '7d' },
      concurrency: 'Merge',
      budget: { maxCycles: 12, per: '365d' },
    },
    training: {
      seed: 7,
      parallelism: 2,
      timeout: '2d',
      candidates: [
        { name: 'logistic', trainer: 'builtin/logistic-regression', params: { l2: 1, maxIterations: 20 } },
        {
          name: 'trees',
          trainer: 'builtin/gradient-boosted-trees',
          params: { rounds: 3, learningRate: 0.3, maxLeaves: 3, minRowsInLeaf: 20 },
        },
      ],
    },
    selection: { metric: 'logLoss', oneStandardError: true },
    evaluation: {
      gates: [
        {
          name: 'not-worse',
          severity: 'Blocking',
          compare: {
            to: 'champion',
            metric: 'logLoss',
            rule: 'NonInferior',
            test: 'PairedMean',
            confidence: 0.95,
            margin: 0.5,
          },
        },
        { name: 'calibrated', severity: 'Blocking', expr: 'eval.ece <= 0.5' },
      ],
      onInconclusive: 'RequiresReview',
    },
    approvals: {
      requiredWhen: 'true',
      votesNeeded: 1,
      excludeAuthors: true,
      timeout: '3d',
      onTimeout: 'Expire',
    },
    rollout: {
      endpoint: PIPELINE,
      steps: [
        { name: 'shadow', shadow: true, bake: '6h', analyses: ['harm'] },
        { name: 'half', weight: 50, bake: '12h', analyses: ['harm'] },
      ],
      analyses: [{ name: 'harm', metric: 'logLoss', alpha: 0.05, margin: 0.3, minSamples: 40 }],
      slices: {
        analysis: 'harm',
        by: [
          { feature: 'heat', cuts: [-1, 1] },
          { feature: 'noise', cuts: [0] },
        ],
        falseDiscoveryRate: 0.05,
        minSamples: 40,
      },
      onNoData: 'Hold',
      deadline: '21d',
      onDeadline: 'RollBack',
    },
    monitoring: {
      drift: {
        minRows: 100,
        falseDiscoveryRate: 0.01,
        psiFloorLevel: 0.99,
        suspectedPsi: 0.1,
        detectedPsi: 0.25,
        persistence: { breaches: 1, outOf: 1 },
      },
      performance: { minRows: 40, reference: 'SealedTest' },
    },
    notifications: [{ on: ['ApprovalRequested', 'RolloutFinished'], to: 'log' }],
  },
} as const;

const CONTRACT = {
  apiVersion: 'v3.1.0',
  kind: 'DataContract',
  id: 'urn:rondo:simulation:readings',
  name: 'readings',
  version: '1.0.0',
  status: 'active',
  schema: [
    {
      name: 'readings',
      properties: [
        { name: 'reading', logicalType: 'string', required: true },
        { name: 'taken', logicalType: 'timestamp', physicalType: 'TIMESTAMP', required: true },
        {
          name: 'heat',
          logicalType: 'number',
          physicalType: 'DOUBLE',
          required: true,
          logicalTypeOptions: { minimum: -10, maximum: 10 },
        },
        { name: 'noise', logicalType: 'number', physicalType: 'DOUBLE', required: true },
        { name: 'fails', logicalType: 'integer', physicalType: 'BIGINT' },
        { name: 'doubt', logicalType: 'string' },
      ],
    },
  ],
};

const FEATURES = 'SELECT reading, taken, heat, noise, fails, doubt FROM batch';

/** Rows of a week: `fails` follows `heat`, some readings are doubtful; a broken week has heat no sensor can read. */
function readings(week: number, broken: boolean): string {
  const heat = `(((i * 7919 + ${week} * 104729) % 1000) / 250.0 - 2.0)`;
  const fails = `CASE WHEN ${heat} + ((i * 31) % 100) / 100.0 - 0.5 > 0 THEN 1 ELSE 0 END`;
  return `SELECT 'w${week}-' || i AS reading, epoch_ms(${FIRST_MS + week * 7 * DAY_MS} + i * ${(7 * DAY_MS) / ROWS_PER_WEEK})::TIMESTAMP AS taken,
    ${broken ? `CASE WHEN i % 3 = 0 THEN 1000.0 ELSE ${heat} END` : heat} AS heat, ((i * 127) % 100) / 50.0 - 1.0 AS noise,
    (${fails})::BIGINT AS fails, CASE WHEN i % 97 = 5 AND ${week} IN (1, 7) THEN 'two sensors disagree' END AS doubt
    FROM range(${ROWS_PER_WEEK}) t(i) ORDER BY i`;
}

/** Writes the files of every week into the folder; equal bytes each time. */
export async function writeWeeks(engine: Engine, folder: string): Promise<void> {
  for (const { week, ...more } of WEEKS) {
    await engine.writeParquet({ select: readings(week, 'broken' in more), outPath: `${folder}/week-${week}.parquet` });
  }
}

/** What a person may do to a rollout at some moment of it. */
export type Override = 'none' | 'pause' | 'advance' | 'rollBack' | 'promote' | 'cancel';

type Cycle = { readonly id: string; readonly phase: string; readonly result?: string };
type Rollout = {
  readonly rolloutId: string;
  readonly phase: string;
  readonly revision: number;
  readonly paused?: object;
};

/** Drives upstream, callers and people. It acts on what it sees, as they do, and never before it has seen it. */
export class Story {
  /** What the gateways serve: the newest routing they heard of. */
  routing: RoutingChanged | undefined;
  /** Under which epoch every request was answered, at which true time, after which message of the log; for the checker. */
  readonly served: { readonly epoch: bigint; readonly atMs: number; readonly newestPosition: number }[] = [];
  /** What people were refused, and what they had to ask again. */
  readonly refusals: string[] = [];
  readonly complaints: string[] = [];
  /** Votes on other evidence than what is judged that were not refused. */
  readonly acceptedStale: string[] = [];
  /** Whom or what people are waiting for. */
  readonly acting = new Set<string>();
  /** Announcements made so far, repetitions included. */
  announcements = 0;
  done = false;
  #announced = 0;
  #requests = 0;
  #ticks = 0;
  #eventMs = FIRST_MS;
  #overridden = false;
  #applied = false;
  readonly #said = new Set<string>();
  readonly #simulation: Simulation;
  readonly #override: { readonly what: Override; readonly afterTicks: number; readonly rollout: number };

  constructor(simulation: Simulation, seed: number | undefined) {
    this.#simulation = simulation;
    this.#override =
      seed === undefined ? { what: 'none', afterTicks: 0, rollout: 0 } : overrideOf(seededRandom(seed ^ 0xbead));
  }

  /** Whether the end depends on the moment of what a person did, so that it cannot be compared with another run's. */
  get overrides(): boolean {
    return this.#override.what !== 'none';
  }

  /**
   * The next thing somebody does, given what they see; false when nobody has anything to do.
   * @param busy whether the services are still at work
   */
  async next(busy: boolean): Promise<boolean> {
    if (this.acting.size > 0) return false;
    if (!this.#applied) {
      this.#applied = true;
      this.#apply();
      return true;
    }
    const approval = (
      await this.#simulation
        .journalOf('control-plane')
        .list<{ id: string; boundDigest: string }>('approval', { where: { state: 'Open' } })
    ).items[0];
    if (approval) return this.#vote(approval.state);
    const cycles = (await this.#simulation.journalOf('control-plane').list<Cycle>('cycle')).items.map(
      ({ state }) => state,
    );
    if (cycles.some(({ phase }) => phase === 'Labeling')) {
      if (busy) return false;
      await this.#simulation.world.pass(HOUR_MS + 1);
      return true;
    }
    const rollout = (await this.#simulation.journalOf('rollout').list<Rollout>('rollout')).items.find(
      ({ state }) => state.phase === 'Running',
    );
    if (rollout) return this.#duringRollout(rollout, cycles);
    return this.#announceNext();
  }

  #announceNext(): boolean {
    const next = WEEKS[this.#announced];
    if (!next) {
      this.done = true;
      return false;
    }
    const startMs = FIRST_MS + next.week * 7 * DAY_MS;
    if (this.routing?.champion && !this.#said.has(`traffic of week ${next.week}`)) {
      this.#said.add(`traffic of week ${next.week}`);
      this.#traffic(Math.max(this.#eventMs, startMs + DAY_MS));
      return true;
    }
    this.#announced++;
    this.#eventMs = Math.max(this.#eventMs, startMs + 7 * DAY_MS);
    for (let time = 0; time < next.times; time++) {
      this.announcements++;
      this.#publish(
        AnnounceArrivalSchema,
        {
          pipeline: PIPELINE,
          eventId: `week-${next.week}`,
          eventSource: 'upstream',
          uri: `week-${next.week}.parquet`,
          dedupeKey: `week-${next.week}`,
          dataInterval: { start: timestampFromMs(startMs), end: timestampFromMs(startMs + 7 * DAY_MS) },
          announcedAt: timestampFromMs(startMs + 7 * DAY_MS),
        },
        { service: 'upstream', id: idFrom('announcement', String(next.week), String(time)) },
      );
    }
    return true;
  }

  #duringRollout(rollout: Stored<Rollout>, cycles: readonly Cycle[]): boolean {
    const { what, afterTicks, rollout: which } = this.#override;
    if (what !== 'none' && !this.#overridden && cycles.length === which && this.#ticks >= afterTicks) {
      this.#overridden = true;
      this.#act(what, rollout.state, cycles.find(({ phase }) => phase === 'RollingOut')?.id ?? '');
      return true;
    }
    if (rollout.state.paused) {
      this.#act('resume', rollout.state, '');
      return true;
    }
    this.#ticks++;
    this.#eventMs += 4 * HOUR_MS;
    this.#traffic(this.#eventMs);
    return true;
  }

  /** One request of many rows under the present routing, and what became of each row. */
  #traffic(eventMs: number): void {
    const { routing } = this;
    if (!routing?.champion) return;
    const requestId = `request-${++this.#requests}`;
    const { candidate, candidateWeightPercent, epoch } = routing;
    const rows = Array.from({ length: ROWS_PER_REQUEST }, (_, row) => row);
    const labels = rows.map((row) => (row * 7 + this.#requests) % 2);
    const byCandidate = rows.map((row) => candidate !== undefined && (row * 37) % 100 < candidateWeightPercent);
    const scoreOf = (model: ModelRef, row: number): number => {
      const right = 0.75 + ((row * 13 + model.version) % 10) / 50;
      return (labels[row] === 1) === (model.version !== HARMFUL_VERSION) ? right : 1 - right;
    };
    const champion = routing.champion;
    const common = { endpoint: PIPELINE, pipeline: PIPELINE, requestId, eventTime: timestampFromMs(eventMs) };
    const gateway = { service: 'gateway', id: idFrom('prediction', requestId) };
    const { world, broker } = this.#simulation;
    this.served.push({ epoch, atMs: world.clock.now(), newestPosition: broker.log.at(-1)?.position ?? 0 });
    this.#publish(
      PredictionsLoggedSchema,
      {
        ...common,
        epoch,
        champion,
        ...(candidate && { candidate }),
        keys: rows.map((row) => `${requestId}-${row}`),
        servedByCandidate: byCandidate,
        championScores: rows.map((row) => scoreOf(champion, row)),
        candidateScores: rows.map((row) => (candidate ? scoreOf(candidate, row) : NaN)),
        championLatencyMs: 1,
        candidateLatencyMs: candidate ? 1 : 0,
        slices: Uint8Array.from(rows.flatMap((row) => routing.slices.map(() => 1 + (row % 3)))),
      },
      gateway,
    );
    this.#publish(
      LabelsObservedSchema,
      { ...common, rowIndexes: rows, labels: Uint8Array.from(labels) },
      { service: 'gateway', id: idFrom('labels', requestId) },
    );
  }

  #apply(): void {
    const files = { 'contract.yaml': Buffer.from(JSON.stringify(CONTRACT)), 'features.sql': Buffer.from(FEATURES) };
    const request = {
      document: JSON.stringify(DOCUMENT),
      files,
      changeReason: 'the story begins',
      requestId: requestIdOf('apply'),
    };
    this.#call('apply', 'control-plane', PipelineService.method.applyPipeline, request, 'ada');
  }

  #vote({ id, boundDigest }: { id: string; boundDigest: string }): boolean {
    const stale = `sha256:${'0'.repeat(64)}`;
    const voteOn = (digest: string) => ({
      approvalId: id,
      approve: true,
      rationale: 'the report looks good',
      boundDigest: digest,
      requestId: requestIdOf(`vote ${id} ${digest === stale ? 'stale' : ''}`),
    });
    if (!this.#said.has(`stale vote ${id}`)) {
      const accepted = (): void => void this.acceptedStale.push(id);
      this.#call(`stale vote ${id}`, 'control-plane', ApprovalService.method.vote, voteOn(stale), 'cleo', accepted);
      return true;
    }
    if (this.#said.has(`vote ${id}`)) return false;
    this.#call(`vote ${id}`, 'control-plane', ApprovalService.method.vote, voteOn(boundDigest), 'ben');
    return true;
  }

  #act(what: Exclude<Override, 'none'> | 'resume', rollout: Rollout, cycleId: string): void {
    const { rolloutId, revision } = rollout;
    const base = {
      reason: `a person wants to ${what}`,
      requestId: requestIdOf(`${what} ${rolloutId} ${revision}`),
      force: true,
    };
    const name = `${what} ${rolloutId} ${revision}`;
    if (what === 'cancel')
      return this.#call(name, 'control-plane', CycleService.method.cancelCycle, { cycleId, ...base }, 'cleo');
    const { pauseRollout, resumeRollout, advanceRollout, rollBack, promoteRollout } = RolloutService.method;
    const method = {
      pause: pauseRollout,
      resume: resumeRollout,
      advance: advanceRollout,
      rollBack,
      promote: promoteRollout,
    }[what];
    this.#call(name, 'rollout', method, { rolloutId, ...base }, 'cleo');
  }

  /** People who get no answer ask again with the same request id; a refusal is an answer. */
  #call<I extends DescMessage>(
    name: string,
    service: string,
    method: DescMethodUnary<I>,
    fields: MessageInitShape<I>,
    person: string,
    accepted: () => void = () => undefined,
  ): void {
    if (this.#said.has(name)) return;
    this.acting.add(name);
    const { world } = this.#simulation;
    const context: RpcContext = { principal: { id: person, roles: ['admin'] }, signal: new AbortController().signal };
    const request = create(method.input, fields);
    const settle = (): void => {
      this.acting.delete(name);
      this.#said.add(name);
    };
    const ask = async (): Promise<void> => {
      const answer = this.#simulation.call(service, method, request, context);
      const outcome = await Promise.race([answer, this.#simulation.death(service)]).catch((error: unknown) => {
        if (error instanceof PermanentError) this.refusals.push(`${name}: ${error.message}`);
        else throw error;
      });
      if (outcome === 'died') throw new Error(`${service} died`);
      if (outcome !== undefined) accepted();
    };
    const tryAgain = (error: unknown): void => {
      this.complaints.push(`${name}: ${String(error)}`);
      world.wait(`ask again: ${name}`, undefined, () => void ask().then(settle, tryAgain), 1_000);
    };
    void ask().then(settle, tryAgain);
  }

  /** Publishes until it is told that it worked, as producers do. */
  #publish<D extends DescMessage>(schema: D, message: MessageInitShape<D>, by: { service: string; id: string }): void {
    const envelope: Envelope = {
      id: by.id,
      type: schema.typeName,
      topic: topicOf(schema),
      key: PIPELINE,
      source: `rondo/${by.service}`,
      timeMs: this.#simulation.world.clock.now(),
      payload: toBinary(schema, create(schema, message)),
      headers: {},
    };
    this.#simulation.publish(by.service, envelope);
  }
}

function overrideOf(random: Random): { what: Override; afterTicks: number; rollout: number } {
  const choices: readonly Override[] = [
    'none',
    'none',
    'none',
    'none',
    'none',
    'pause',
    'advance',
    'rollBack',
    'promote',
    'cancel',
  ];
  return { what: choices[random.int(choices.length)]!, afterTicks: random.int(6), rollout: 2 + random.int(2) };
}

function requestIdOf(name: string): string {
  return idFrom('request', name);
}
