import { DecisionMadeSchema, LabelsObservedSchema, type DecisionMade, type RoutingChanged } from '@rondo/contracts';
import type { Cause, Journal, Once, Stored, Unit } from '@rondo/journal';
import { messageOf, PermanentError, TransientError } from '@rondo/kernel';
import type { Delivery, SubscribeOptions } from '@rondo/messaging';

import { JOB_KIND, type Platform } from '@rondo/service';
import type { Surroundings } from './ports.js';
import type { Mutation, Simulation } from './simulation.js';
import { journalOver, unitWith } from './wrapped.js';

/** A journal of which one thing is different. */
export function journalWith(
  once: <T>(inner: Journal, cause: Cause, work: (unit: Unit) => Promise<T> | T, at: Surroundings) => Promise<Once<T>>,
): Mutation {
  return {
    journal: (inner, at) => journalOver(inner, (cause, work) => once(inner, cause, work, at)),
  };
}

export function savesWith(
  change: (request: Parameters<Unit['save']>[0]) => Parameters<Unit['save']>[0] | undefined,
): Mutation {
  return journalWith((inner, cause, work) => inner.once(cause, (unit) => work(unitWith(unit, change))));
}

/** What is loaded goes through `change` first. */
export function loadsWith(change: (stored: Stored<object>, kind: string, cause: Cause) => Stored<object>): Mutation {
  return journalWith((inner, cause, work) => inner.once(cause, (unit) => work(unitLoading(unit, cause, change))));
}

function unitLoading(
  unit: Unit,
  cause: Cause,
  change: (stored: Stored<object>, kind: string, cause: Cause) => Stored<object>,
): Unit {
  return {
    ...unitWith(unit, (request) => request),
    load: async <S>(kind: string, id: string) => {
      const stored = await unit.load<S>(kind, id);
      return stored && (change(stored as Stored<object>, kind, cause) as Stored<S>);
    },
  };
}

export const withState = (stored: Stored<object>, change: object): Stored<object> => ({
  ...stored,
  state: { ...stored.state, ...change },
});

/** Each delivery gets a cause of its own, so that the inbox recognises none. */
export function inboxOff(): Mutation {
  let count = 0;
  return journalWith((inner, cause, work) =>
    inner.once({ ...cause, messageId: `${cause.messageId}/${++count}` }, work),
  );
}

/** The inbox forgets after some time, as brokers' duplicate detection does. */
export function inboxForgets(windowMs: number): Mutation {
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

/** A bus whose handlers are different. */
export function handlesWith(change: (handle: Handle, delivery: Delivery) => Promise<void>): Mutation {
  return {
    platform: (platform: Platform) => ({
      ...platform,
      bus: {
        ...platform.bus,
        publish: (messages) => platform.bus.publish(messages),
        subscribe: (options) =>
          platform.bus.subscribe({ ...options, handle: (delivery) => change(options.handle, delivery) }),
      },
    }),
  };
}
type Handle = SubscribeOptions['handle'];

/** Handlers are acknowledged at once; what fails afterwards is gone. */
export function acknowledgedFirst(): Mutation {
  return handlesWith((handle, delivery) => {
    handle(delivery).catch(() => undefined);
    return Promise.resolve();
  });
}

/** A failed delivery is given up instead of being tried again. */
export function neverTriedAgain(): Mutation {
  return handlesWith((handle, delivery) => handle(delivery).catch(() => undefined));
}

/** A failure that would pass is taken for one that stays. */
export function everyFailureIsFinal(): Mutation {
  return handlesWith((handle, delivery) =>
    handle(delivery).catch((error: unknown) => {
      throw new PermanentError('invalid', messageOf(error));
    }),
  );
}

const UNREAD_EVERY = 10;

/** Some labels are acknowledged and not read. */
export function labelsUnread(): Mutation {
  let count = 0;
  return handlesWith((handle, delivery) =>
    delivery.type === LabelsObservedSchema.typeName && ++count % UNREAD_EVERY === 0
      ? Promise.resolve()
      : handle(delivery),
  );
}

/** State is saved, what it announces is lost with the process: no outbox. */
export function relayForgets(): Mutation {
  return {
    afterCrash: (simulation: Simulation) => simulation.broker.forgetUndelivered(),
  };
}

export type Routing = { readonly epoch: number; readonly candidate?: object; readonly weightPercent: number };

/** Whoever ends a job sees it as the run that it once took up. */
export function resultsUnfenced(): Mutation {
  return loadsWith((stored, kind, { consumer, messageId }) => {
    const [, starts] = consumer === 'jobs' ? (/\/done\/(\d+)$/.exec(messageId) ?? []) : [];
    if (kind !== JOB_KIND || starts === undefined) return stored;
    return withState(stored, { status: 'running', starts: Number(starts) });
  });
}

export function keepsCandidate(): Mutation {
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
export function votesUnbound(): Mutation {
  const stale = `sha256:${'0'.repeat(64)}`;
  return loadsWith((stored, kind, { actor }) =>
    kind === 'approval' && actor === 'cleo' ? withState(stored, { boundDigest: stale }) : stored,
  );
}

/** Each delivery gets a cause of its own, and the control plane does not see the cycle that runs. */
export function runningCycleForgotten(): Mutation {
  let count = 0;
  return journalWith((inner, cause, work) =>
    inner.once({ ...cause, messageId: `${cause.messageId}/${++count}` }, (unit) =>
      work(
        unitLoading(unit, cause, (stored, kind) => {
          if (kind !== 'pipeline') return stored;
          const { activeCycleId: _, ...state } = stored.state as { readonly activeCycleId?: string };
          return { ...stored, state };
        }),
      ),
    ),
  );
}

/** Each delivery gets a cause of its own, and rows forget that their outcome was counted. */
export function labelsForgotten(): Mutation {
  let count = 0;
  return journalWith((inner, cause, work) =>
    inner.once({ ...cause, messageId: `${cause.messageId}/${++count}` }, (unit) =>
      work({
        ...unitLoading(unit, cause, (stored, kind) => {
          if (kind !== 'prediction') return stored;
          const { outcomes } = stored.state as { readonly outcomes: readonly number[] };
          return withState(stored, { outcomes: outcomes.map(() => -1) });
        }),
        remove: (kind, id) => {
          if (kind !== 'prediction') unit.remove(kind, id);
        },
      }),
    ),
  );
}

/** Rollouts have no analyses, so nothing holds them and nothing takes them back. */
export function guardrailsOff(): Mutation {
  return loadsWith((stored, kind) => {
    if (kind !== 'rollout') return stored;
    const { plan } = stored.state as { readonly plan: { readonly steps: readonly object[] } };
    const steps = plan.steps.map((step) => ({ ...step, analyses: [] }));
    return withState(stored, { plan: { ...plan, steps, analyses: [] }, evidence: {}, latest: [] });
  });
}

/** Of the fates of what is no announcement nothing is told. */
export function decisionsUntold(): Mutation {
  return savesWith((request) => {
    const made = request.outgoing?.find(({ schema }) => schema.typeName === DecisionMadeSchema.typeName);
    const isOfArrival = (made?.message as DecisionMade | undefined)?.causeEventIds.every((id) =>
      id.startsWith('week-'),
    );
    return made && !isOfArrival ? { ...request, outgoing: [] } : request;
  });
}

const SKIPS_EVERY = 40;

/** The relay skips some of what is committed. */
export function relaySkips(): Mutation {
  let count = 0;
  return { relays: () => ++count % SKIPS_EVERY !== 0 };
}

/** After the first routing the gateways take notice only of those that give a candidate a share. */
export function endsUnheard(): Mutation {
  let isFirst = true;
  return {
    heeds: ({ candidate }: RoutingChanged) => {
      const isHeeded = isFirst || candidate !== undefined;
      isFirst = false;
      return isHeeded;
    },
  };
}

/** A routing does not keep the champion before its own. */
export function formerForgotten(): Mutation {
  return loadsWith((stored, kind) => {
    if (kind !== 'routing') return stored;
    const { previousChampion: _former, ...state } = stored.state as { readonly previousChampion?: object };
    return { ...stored, state };
  });
}

/** Somebody writes into a journal past it. */
export function entryAltered(): Mutation {
  return {
    atEnd: ({ store }) =>
      store.bus.database.connection.exec(
        "UPDATE journal_entry SET actor = 'nobody' WHERE service = 'rollout' AND position = 3",
      ),
  };
}

const LIES_EVERY = 40;

export function liesAboutCommits(): Mutation {
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
