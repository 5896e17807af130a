import {
  ApprovalService,
  BatchState,
  CycleService,
  DataService,
  DriftService,
  EventService,
  IncidentService,
  ModelService,
  OperationsService,
  PipelineService,
  RolloutService,
  type Rollout,
} from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import { Argument, Option, type Command } from 'commander';
import { explainCycle, explainDecision, explainRollout, pastErrorText } from '../explain.js';
import { findCycle, findCycleOrDecision, findRollout } from '../find.js';
import type { Shape } from '../output.js';
import type { Action } from '../program.js';
import type { Session } from '../session.js';
import {
  approvalShape,
  batchShape,
  cycleShape,
  decisionShape,
  driftShape,
  eventShape,
  forecastShape,
  incidentShape,
  modelShape,
  parkedShape,
  pipelineShape,
  rolloutShape,
} from '../shapes.js';
import { countText, modelText, plainText, timeText } from '../words.js';

interface GetOptions {
  readonly pipeline: string;
  readonly state: string;
  readonly limit: string;
}

/** A kind of thing that `get` knows. */
interface Noun {
  readonly list: (session: Session, options: GetOptions) => Promise<void>;
  readonly one: (session: Session, name: string, options: GetOptions) => Promise<void>;
}

/** `get`, `explain` and `status`. */
export function lookCommands(program: Command, action: Action): void {
  program
    .command('get')
    .description('list things, or show one')
    .addArgument(new Argument('<noun>', 'what to look at').choices(Object.keys(NOUNS)))
    .argument('[name]', 'one of them: an id, or pipeline/number for cycles and rollouts')
    .option('-p, --pipeline <name>', 'only of this pipeline', '')
    .option('--state <state>', 'only in this state (events: fate)', '')
    .addOption(new Option('--limit <n>', 'at most so many').default('50'))
    .action(
      action(async (session, noun: string, name: string | undefined, options: GetOptions) => {
        const known = NOUNS[noun]!;
        await (name === undefined ? known.list(session, options) : known.one(session, name, options));
      }, 2),
    );
  program
    .command('explain')
    .description('say why: the checks, values, limits and counts behind a cycle or a decision')
    .argument('<name>', 'pipeline/number, a cycle id or a decision id')
    .action(
      action(async (session, name: string) => {
        const found = await findCycleOrDecision(session, name);
        if (session.flags.output !== 'table')
          return 'cycle' in found ? session.one(cycleShape, found.cycle) : session.one(decisionShape, found.decision);
        const lines =
          'cycle' in found
            ? explainCycle(found.cycle, await rolloutOf(session, found.cycle.rolloutId))
            : explainDecision(found.decision);
        session.around.out(`${lines.join('\n')}\n`);
      }, 1),
    );
  program
    .command('status')
    .description('where a pipeline stands: champion, present cycle, rollout, what holds it back')
    .argument('<pipeline>')
    .action(action((session, name: string) => status(session, name), 1));
}

async function rolloutOf(session: Session, rolloutId: string): Promise<Rollout | undefined> {
  return rolloutId === '' ? undefined : (await session.client(RolloutService)).getRollout({ rolloutId });
}

async function status(session: Session, name: string): Promise<void> {
  const pipeline = await (await session.client(PipelineService)).getPipeline({ pipeline: name });
  if (session.flags.output !== 'table') return session.one(pipelineShape, pipeline);
  const lines = [
    `${pipeline.name}, generation ${pipeline.generation}, endpoint ${pipeline.endpoint}`,
    `champion   ${modelText(pipeline.champion)} since ${timeText(pipeline.championSince)}`,
    `time       ${timeText(pipeline.policyTime)} (policy time)`,
    `budget     ${pipeline.cyclesInBudgetWindow} of ${pipeline.cyclesMax} cycles used`,
    ...(pipeline.held
      ? [
          `held       ${pipeline.holdReason}, until ${timeText(pipeline.heldUntil)}; rondo release ${pipeline.name} --reason …`,
        ]
      : []),
    ...(pipeline.coolingDownUntil
      ? [`cooling    until ${timeText(pipeline.coolingDownUntil)} after ${pipeline.coolingDownAfter}`]
      : []),
  ];
  const scheduled = pipeline.scheduledCycle;
  if (scheduled) {
    const why = `trigger ${scheduled.trigger} by a forecast of ${scheduled.series}`;
    const way = `rondo explain ${scheduled.decisionId}, rondo cycle unschedule ${pipeline.name} --reason …`;
    lines.push(`scheduled  a cycle on ${timeText(scheduled.notBefore)} (policy time), ${why}; ${way}`);
  }
  const record = pipeline.lastDecision?.record;
  if (record) lines.push(`decision   ${record.verdict}, because ${record.reason}; rondo explain ${record.decisionId}`);
  if (pipeline.activeCycleId !== '') {
    const cycle = await (await session.client(CycleService)).getCycle({ cycleId: pipeline.activeCycleId });
    lines.push(`cycle      ${cycle.pipeline}/${cycle.number}: ${cycle.phase}; ${cycle.next}`);
    const rollout = await rolloutOf(session, cycle.rolloutId);
    if (rollout) lines.push(...explainRollout(rollout));
  }
  session.around.out(`${lines.map(plainText).join('\n')}\n`);
}

/** A noun whose service only lists: one of them is picked out of the list. */
function listed<M>(shape: Shape<M>, fetch: (session: Session, options: GetOptions) => Promise<readonly M[]>): Noun {
  return {
    list: async (session, options) => session.list(shape, await fetch(session, options)),
    one: async (session, name, options) => {
      const item = (await fetch(session, { ...options, limit: '500' })).find(
        (candidate) => shape.name(candidate) === name,
      );
      if (!item)
        throw new PermanentError('not-found', `there is no ${shape.kind} ${name}`, { field: 'name', value: name });
      session.one(shape, item);
    },
  };
}

const pageSize = ({ limit }: GetOptions): number => {
  const size = Number(limit);
  if (!Number.isInteger(size) || size < 1 || size > 500)
    throw new PermanentError('invalid', `"${limit}" is not a limit`, {
      field: 'limit',
      value: limit,
      rule: '1 to 500',
    });
  return size;
};

const batchState = ({ state }: GetOptions): BatchState => {
  const known = (BatchState as unknown as Record<string, BatchState | undefined>)[state.toUpperCase()];
  if (known === undefined && state !== '')
    throw new PermanentError('invalid', `"${state}" is not a state of a batch`, {
      field: 'state',
      value: state,
      rule: 'Checking, Ready, Quarantined, Rejected or Failed',
    });
  return known ?? BatchState.UNSPECIFIED;
};

const onePipeline = ({ pipeline }: GetOptions, what: string): string => {
  if (pipeline === '')
    throw new PermanentError('invalid', `${what} are listed of one pipeline`, {
      field: 'pipeline',
      value: pipeline,
      rule: '-p <pipeline>',
    });
  return pipeline;
};

const NOUNS: Readonly<Record<string, Noun>> = {
  pipelines: {
    ...listed(
      pipelineShape,
      async (session) => (await (await session.client(PipelineService)).listPipelines({})).pipelines,
    ),
    one: async (session, name) =>
      session.one(pipelineShape, await (await session.client(PipelineService)).getPipeline({ pipeline: name })),
  },
  cycles: {
    ...listed(
      cycleShape,
      async (session, options) =>
        (
          await (
            await session.client(CycleService)
          ).listCycles({ pipeline: options.pipeline, pageSize: pageSize(options) })
        ).cycles,
    ),
    one: async (session, name) => session.one(cycleShape, await findCycle(session, name)),
  },
  events: listed(eventShape, async (session, options) => {
    const response = await (
      await session.client(EventService)
    ).listEvents({ pipeline: options.pipeline, fate: options.state, pageSize: pageSize(options) });
    session.note(`${countText(response.total)} events, ${countText(response.pending)} without a fate yet`);
    return response.events;
  }),
  decisions: {
    ...listed(
      decisionShape,
      async (session, options) =>
        (
          await (
            await session.client(EventService)
          ).listDecisions({ pipeline: options.pipeline, pageSize: pageSize(options) })
        ).decisions,
    ),
    one: async (session, name) => {
      const { record } = await (await session.client(EventService)).getDecision({ decisionId: name });
      if (!record)
        throw new PermanentError('not-found', `there is no decision ${name}`, { field: 'name', value: name });
      session.one(decisionShape, record);
    },
  },
  drift: listed(driftShape, async (session, options) => {
    const pipeline = onePipeline(options, 'drift evaluations');
    return (await (await session.client(DriftService)).listDriftEvaluations({ pipeline, pageSize: pageSize(options) }))
      .evaluations;
  }),
  forecasts: listed(forecastShape, async (session, options) => {
    const pipeline = onePipeline(options, 'forecasts');
    const { forecasts, series } = await (
      await session.client(DriftService)
    ).listForecasts({ pipeline, pageSize: pageSize(options) });
    for (const one of series) session.note(pastErrorText(one));
    return forecasts;
  }),
  batches: {
    ...listed(
      batchShape,
      async (session, options) =>
        (
          await (
            await session.client(DataService)
          ).listBatches({ pipeline: options.pipeline, state: batchState(options), pageSize: pageSize(options) })
        ).batches,
    ),
    one: async (session, name, options) =>
      session.one(
        batchShape,
        await (await session.client(DataService)).getBatch({ batchId: name, pipeline: options.pipeline }),
      ),
  },
  approvals: {
    ...listed(
      approvalShape,
      async (session, options) =>
        (
          await (
            await session.client(ApprovalService)
          ).listApprovals({ pipeline: options.pipeline, state: options.state })
        ).approvals,
    ),
    one: async (session, name) =>
      session.one(approvalShape, await (await session.client(ApprovalService)).getApproval({ approvalId: name })),
  },
  rollouts: {
    ...listed(
      rolloutShape,
      async (session, options) =>
        (await (await session.client(RolloutService)).listRollouts({ pipeline: options.pipeline })).rollouts,
    ),
    one: async (session, name) => session.one(rolloutShape, await findRollout(session, name)),
  },
  models: listed(
    modelShape,
    async (session, options) =>
      (await (await session.client(ModelService)).listModels({ pipeline: options.pipeline })).models,
  ),
  incidents: listed(
    incidentShape,
    async (session, options) =>
      (await (await session.client(IncidentService)).listIncidents({ pipeline: options.pipeline })).incidents,
  ),
  parked: listed(
    parkedShape,
    async (session) => (await (await session.client(OperationsService)).listParked({})).messages,
  ),
};
