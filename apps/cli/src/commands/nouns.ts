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
} from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import { pastErrorText } from '../explain.js';
import { findCycle, findRollout } from '../find.js';
import type { Shape } from '../output.js';
import { collect, firstOf, limitOf, type Listing } from '../paging.js';
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
import { countText } from '../words.js';

/** Flags of `get`. */
export interface GetOptions {
  readonly pipeline: string;
  readonly state: string;
  readonly limit: string;
}

/** A kind of thing that `get` knows. */
interface Noun {
  readonly list: (session: Session, options: GetOptions) => Promise<void>;
  readonly one: (session: Session, name: string, options: GetOptions) => Promise<void>;
}

/** How the things of a noun are found. */
interface Source<M> {
  readonly shape: Shape<M>;
  /** The newest ones. */
  readonly fetch: (session: Session, options: GetOptions, limit: number) => Promise<Listing<M>>;
  /** Who picks by `--state`: the server, or here by these words of each thing; without it there are no states. */
  readonly state?: 'server' | ((item: M) => readonly string[]);
  /** Without it one is picked out of the list. */
  readonly one?: (session: Session, name: string, options: GetOptions) => Promise<M>;
}

/** Things looked through for those in a state, or for one of a name. */
const LOOKED_THROUGH = 500;

function noun<M>({ shape, fetch, state, one }: Source<M>): Noun {
  const found = async (session: Session, options: GetOptions): Promise<Listing<M>> => {
    const limit = limitOf(options.limit);
    if (options.state === '' || state === 'server') return fetch(session, options, limit);
    if (state === undefined)
      throw new PermanentError('invalid', `a ${shape.called ?? shape.kind} has no state to pick by`, {
        field: 'state',
        value: options.state,
        rule: 'approvals, batches, cycles, events, incidents and rollouts have one',
      });
    const wanted = options.state.toLowerCase();
    const { items } = await fetch(session, options, LOOKED_THROUGH);
    return firstOf(
      limit,
      items.filter((item) => state(item).some((word) => word.toLowerCase() === wanted)),
    );
  };
  return {
    list: async (session, options) => {
      const { items, hasMore } = await found(session, options);
      session.list(shape, items, filterText(options));
      if (hasMore) session.note(`only the newest ${countText(items.length)}; --limit shows more`);
    },
    one: async (session, name, options) => {
      if (one) return session.one(shape, await one(session, name, options));
      const { items } = await fetch(session, options, LOOKED_THROUGH);
      const item = items.find((candidate) => shape.name(candidate) === name);
      if (!item)
        throw new PermanentError('not-found', `there is no ${shape.called ?? shape.kind} ${name}`, {
          field: 'name',
          value: name,
        });
      session.one(shape, item);
    },
  };
}

const filterText = ({ pipeline, state }: GetOptions): string =>
  `${pipeline === '' ? '' : ` of ${pipeline}`}${state === '' ? '' : ` in state ${state}`}`;

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

/** Every noun of `get`. */
export const NOUNS: Readonly<Record<string, Noun>> = {
  pipelines: noun({
    shape: pipelineShape,
    fetch: async (session, _options, limit) =>
      firstOf(limit, (await (await session.client(PipelineService)).listPipelines({})).pipelines),
    one: async (session, name) => (await session.client(PipelineService)).getPipeline({ pipeline: name }),
  }),
  cycles: noun({
    shape: cycleShape,
    fetch: async (session, { pipeline }, limit) => {
      const client = await session.client(CycleService);
      return collect(limit, async (page) => {
        const { cycles, nextPageToken } = await client.listCycles({ pipeline, ...page });
        return { items: cycles, nextPageToken };
      });
    },
    state: ({ phase, result }) => [phase, result],
    one: findCycle,
  }),
  events: noun({
    shape: eventShape,
    fetch: async (session, { pipeline, state }, limit) => {
      const client = await session.client(EventService);
      let counts = '';
      const listing = await collect(limit, async (page) => {
        const response = await client.listEvents({ pipeline, fate: state, ...page });
        counts = `${countText(response.total)} events, ${countText(response.pending)} without a fate yet`;
        return { items: response.events, nextPageToken: response.nextPageToken };
      });
      session.note(counts);
      return listing;
    },
    state: 'server',
  }),
  decisions: noun({
    shape: decisionShape,
    fetch: async (session, { pipeline }, limit) => {
      const client = await session.client(EventService);
      return collect(limit, async (page) => {
        const { decisions, nextPageToken } = await client.listDecisions({ pipeline, ...page });
        return { items: decisions, nextPageToken };
      });
    },
    one: async (session, name) => {
      const { record } = await (await session.client(EventService)).getDecision({ decisionId: name });
      if (!record)
        throw new PermanentError('not-found', `there is no decision ${name}`, { field: 'name', value: name });
      return record;
    },
  }),
  drift: noun({
    shape: driftShape,
    fetch: async (session, options, limit) => {
      const pipeline = onePipeline(options, 'drift evaluations');
      const client = await session.client(DriftService);
      // One more than is shown tells whether there are more.
      const pageSize = Math.min(limit + 1, LOOKED_THROUGH);
      return firstOf(limit, (await client.listDriftEvaluations({ pipeline, pageSize })).evaluations);
    },
  }),
  forecasts: noun({
    shape: forecastShape,
    fetch: async (session, options, limit) => {
      const pipeline = onePipeline(options, 'forecasts');
      const client = await session.client(DriftService);
      const pageSize = Math.min(limit, LOOKED_THROUGH);
      const { forecasts, series } = await client.listForecasts({ pipeline, pageSize });
      for (const one of series) session.note(pastErrorText(one));
      return firstOf(forecasts.length, forecasts);
    },
  }),
  batches: noun({
    shape: batchShape,
    fetch: async (session, options, limit) => {
      const client = await session.client(DataService);
      const filter = { pipeline: options.pipeline, state: batchState(options) };
      return collect(limit, async (page) => {
        const { batches, nextPageToken } = await client.listBatches({ ...filter, ...page });
        return { items: batches, nextPageToken };
      });
    },
    state: 'server',
    one: async (session, name, { pipeline }) =>
      (await session.client(DataService)).getBatch({ batchId: name, pipeline }),
  }),
  approvals: noun({
    shape: approvalShape,
    fetch: async (session, { pipeline, state }, limit) =>
      firstOf(limit, (await (await session.client(ApprovalService)).listApprovals({ pipeline, state })).approvals),
    state: 'server',
    one: async (session, name) => (await session.client(ApprovalService)).getApproval({ approvalId: name }),
  }),
  rollouts: noun({
    shape: rolloutShape,
    fetch: async (session, { pipeline }, limit) =>
      firstOf(limit, (await (await session.client(RolloutService)).listRollouts({ pipeline })).rollouts),
    state: ({ state }) => [state],
    one: findRollout,
  }),
  models: noun({
    shape: modelShape,
    fetch: async (session, { pipeline }, limit) =>
      firstOf(limit, (await (await session.client(ModelService)).listModels({ pipeline })).models),
  }),
  incidents: noun({
    shape: incidentShape,
    fetch: async (session, { pipeline }, limit) =>
      firstOf(limit, (await (await session.client(IncidentService)).listIncidents({ pipeline })).incidents),
    state: ({ state }) => [state],
  }),
  parked: noun({
    shape: parkedShape,
    fetch: async (session, _options, limit) =>
      firstOf(limit, (await (await session.client(OperationsService)).listParked({})).messages),
  }),
};
