import type { Cause, Journal, Once, Unit } from '@rondo/journal';
import { TransientError } from '@rondo/kernel';
import { JOB_KIND, type Platform } from '@rondo/service';
import { freezingSeed } from './faults.js';
import type { CheckName } from './invariants.js';
import type { Surroundings } from './ports.js';
import type { Mutation, Simulation } from './simulation.js';

/** A part that is broken on purpose, and the checks that notice it. */
export interface PlantedBug {
  readonly name: string;
  /** What was done to it, for the table in docs/reliability.md. */
  readonly broken: string;
  /** At least one of these finds it. */
  readonly caughtBy: readonly CheckName[];
  readonly mutation: () => Mutation;
  /** Only seeds in which processes stand still can show it. */
  readonly freezing?: true;
}

/** The seeds a bug is tried with, in their order. */
export function seedsFor(bug: PlantedBug, count: number): number[] {
  return Array.from({ length: count }, (_, index) => (bug.freezing ? freezingSeed(index) : index + 1));
}

/** A journal of which one thing is different. */
function journalWith(
  once: <T>(inner: Journal, cause: Cause, work: (unit: Unit) => Promise<T> | T, at: Surroundings) => Promise<Once<T>>,
): Mutation {
  return {
    journal: (inner, at) => ({
      once: (cause, work) => once(inner, cause, work, at),
      load: (kind, id) => inner.load(kind, id),
      list: (kind, query) => inner.list(kind, query),
      count: (kind, where) => inner.count(kind, where),
      history: (kind, id) => inner.history(kind, id),
      entries: (query) => inner.entries(query),
      verify: () => inner.verify(),
    }),
  };
}

/** The unit as it is, but what it saves goes through `change` first. */
function unitWith(
  unit: Unit,
  change: (request: Parameters<Unit['save']>[0]) => Parameters<Unit['save']>[0] | undefined,
): Unit {
  return {
    load: (kind, id) => unit.load(kind, id),
    list: (kind, query) => unit.list(kind, query),
    save: (request) => {
      const changed = change(request);
      if (changed) unit.save(changed);
    },
    remove: (kind, id) => unit.remove(kind, id),
    schedule: (timer) => unit.schedule(timer),
    cancelTimer: (id) => unit.cancelTimer(id),
  };
}

function savesWith(
  change: (request: Parameters<Unit['save']>[0]) => Parameters<Unit['save']>[0] | undefined,
): Mutation {
  return journalWith((inner, cause, work) => inner.once(cause, (unit) => work(unitWith(unit, change))));
}

/** Each delivery gets a cause of its own, so that the inbox recognises none. */
function inboxOff(): Mutation {
  let count = 0;
  return journalWith((inner, cause, work) =>
    inner.once({ ...cause, messageId: `${cause.messageId}/${++count}` }, work),
  );
}

/** The inbox forgets after some time, as brokers' duplicate detection does. */
function inboxForgets(windowMs: number): Mutation {
  const seen = new Map<string, { firstMs: number; round: number }>();
  return journalWith((inner, cause, work, at) => {
    const id = `${at.process.service} ${cause.consumer} ${cause.messageId}`;
    const nowMs = at.world.clock.now();
    const known = seen.get(id) ?? { firstMs: nowMs, round: 0 };
    if (nowMs - known.firstMs > windowMs) Object.assign(known, { firstMs: nowMs, round: known.round + 1 });
    seen.set(id, known);
    return inner.once(known.round === 0 ? cause : { ...cause, messageId: `${cause.messageId}/${known.round}` }, work);
  });
}

/** Handlers are acknowledged at once; what fails afterwards is gone. */
function acknowledgedFirst(): Mutation {
  return {
    platform: (platform: Platform) => ({
      ...platform,
      bus: {
        ...platform.bus,
        publish: (messages) => platform.bus.publish(messages),
        subscribe: (options) =>
          platform.bus.subscribe({
            ...options,
            handle: (delivery) => {
              options.handle(delivery).catch(() => undefined);
              return Promise.resolve();
            },
          }),
      },
    }),
  };
}

/** A failed delivery is given up instead of being tried again. */
function neverTriedAgain(): Mutation {
  return {
    platform: (platform: Platform) => ({
      ...platform,
      bus: {
        ...platform.bus,
        publish: (messages) => platform.bus.publish(messages),
        subscribe: (options) =>
          platform.bus.subscribe({
            ...options,
            handle: (delivery) => options.handle(delivery).catch(() => undefined),
          }),
      },
    }),
  };
}

/** State is saved, what it announces is lost with the process: no outbox. */
function relayForgets(): Mutation {
  return {
    afterCrash: (simulation: Simulation) => simulation.broker.forgetUndelivered(),
  };
}

type Routing = { readonly epoch: number; readonly candidate?: object; readonly weightPercent: number };

/** Every broken build that the checks are shown to notice. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'inbox off',
    broken: 'every delivery gets an inbox key of its own',
    caughtBy: ['one-fate', 'one-effect', 'one-cycle-per-cause', 'same-end'],
    mutation: inboxOff,
  },
  {
    name: 'inbox with a time window',
    broken: 'inbox keys are forgotten after two seconds',
    caughtBy: ['one-fate', 'one-effect', 'same-end'],
    mutation: () => inboxForgets(2_000),
  },
  {
    name: 'acknowledged before the commit',
    broken: 'deliveries are acknowledged before their unit of work is durable',
    caughtBy: ['one-fate', 'comes-to-rest', 'same-end'],
    mutation: acknowledgedFirst,
  },
  {
    name: 'no retry',
    broken: 'a delivery that failed is dropped',
    caughtBy: ['one-fate', 'comes-to-rest', 'same-end'],
    mutation: neverTriedAgain,
  },
  {
    name: 'no outbox',
    broken: 'messages that were committed and not yet delivered are lost with a process',
    caughtBy: ['one-fate', 'comes-to-rest', 'same-end'],
    mutation: relayForgets,
  },
  {
    name: 'fate recorded twice',
    broken: 'a decision is appended a second time',
    caughtBy: ['one-fate'],
    mutation: () =>
      savesWith((request) =>
        request.kind === 'decision'
          ? { ...request, outgoing: [...(request.outgoing ?? []), ...(request.outgoing ?? [])] }
          : request,
      ),
  },
  {
    name: 'fate not recorded',
    broken: 'merged announcements are not written into the ledger',
    caughtBy: ['one-fate'],
    mutation: () =>
      savesWith((request) =>
        request.kind === 'ledger-event' && (request.state as { fate: string }).fate === 'Merged' ? undefined : request,
      ),
  },
  {
    name: 'epoch stands still',
    broken: 'the routing is saved without raising its epoch',
    caughtBy: ['epochs-rise'],
    mutation: () =>
      savesWith((request) =>
        request.kind === 'routing'
          ? {
              ...request,
              state: { ...(request.state as Routing), epoch: Math.min(1, (request.state as Routing).epoch) },
            }
          : request,
      ),
  },
  {
    name: 'weight kept after the end',
    broken: 'the routing keeps candidate and weight when a rollout ends',
    caughtBy: ['weight-0-after-end'],
    mutation: keepsCandidate,
  },
  {
    name: 'second champion',
    broken: 'the alias of the former champion is not closed',
    caughtBy: ['one-champion'],
    mutation: () =>
      savesWith((request) => {
        if (request.kind !== 'alias-entry') return request;
        const { untilMs: _closed, ...open } = request.state as { untilMs?: number };
        return { ...request, state: open };
      }),
  },
  {
    name: 'approval not bound',
    broken: 'the digest a vote is for is not compared',
    caughtBy: ['approved'],
    mutation: () => votesUnbound(),
  },
  {
    name: 'no approval',
    broken: 'approvals are saved without their votes',
    caughtBy: ['approved'],
    mutation: () =>
      savesWith((request) =>
        request.kind === 'approval' ? { ...request, state: { ...(request.state as object), votes: [] } } : request,
      ),
  },
  {
    name: 'commit claimed but not made',
    broken: 'one commit in forty is reported as done and is not',
    caughtBy: ['one-fate', 'comes-to-rest', 'same-end'],
    mutation: liesAboutCommits,
  },
  {
    name: 'job without a fence',
    broken: 'the result of a job is taken from whoever brings it, also when another process has taken the job up since',
    caughtBy: ['one-fate', 'one-effect', 'same-end'],
    mutation: resultsUnfenced,
    freezing: true,
  },
];

/** Whoever ends a job sees it as the run that it once took up. */
function resultsUnfenced(): Mutation {
  return journalWith((inner, cause, work) => {
    const [, starts] = cause.consumer === 'jobs' ? (/\/done\/(\d+)$/.exec(cause.messageId) ?? []) : [];
    if (starts === undefined) return inner.once(cause, work);
    return inner.once(cause, (unit) =>
      work({
        ...unitWith(unit, (request) => request),
        load: async <S>(kind: string, id: string) => {
          const stored = await unit.load<S>(kind, id);
          if (kind !== JOB_KIND || !stored) return stored;
          return { ...stored, state: { ...stored.state, status: 'running', starts: Number(starts) } };
        },
      }),
    );
  });
}

function keepsCandidate(): Mutation {
  let last: Routing | undefined;
  return savesWith((request) => {
    if (request.kind !== 'routing') return request;
    const state = request.state as Routing;
    const kept =
      last && last.candidate && !state.candidate
        ? { ...state, candidate: last.candidate, weightPercent: last.weightPercent }
        : state;
    last = state;
    return { ...request, state: kept };
  });
}

/** What is loaded as an approval claims to be bound to whatever the vote is for. */
function votesUnbound(): Mutation {
  const stale = `sha256:${'0'.repeat(64)}`;
  return journalWith((inner, cause, work) =>
    inner.once(cause, (unit) =>
      work({
        ...unitWith(unit, (request) => request),
        load: async <S>(kind: string, id: string) => {
          const stored = await unit.load<S>(kind, id);
          if (kind !== 'approval' || !stored || cause.actor !== 'cleo') return stored;
          return { ...stored, state: { ...stored.state, boundDigest: stale } };
        },
      }),
    ),
  );
}

const LIES_EVERY = 40;

function liesAboutCommits(): Mutation {
  let count = 0;
  return journalWith(
    async <T>(inner: Journal, cause: Cause, work: (unit: Unit) => Promise<T> | T): Promise<Once<T>> => {
      if (++count % LIES_EVERY !== 0) return inner.once(cause, work);
      let value: T | undefined;
      await inner
        .once(cause, async (unit) => {
          value = await work(unit);
          throw new TransientError('taken back');
        })
        .catch(() => undefined);
      return { outcome: 'done', value: value as T };
    },
  );
}
