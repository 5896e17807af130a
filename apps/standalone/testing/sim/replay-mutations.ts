import { journalWith, savesWith, type Routing } from './mutations.js';
import type { Mutation } from './simulation.js';
import type { Process } from './world.js';
import { unitWith } from './wrapped.js';

const MINUTE_MS = 60_000;

/** Which suggestions annotators do not see is drawn from the clock. */
export function drawnFromClock(): Mutation {
  return journalWith((inner, cause, work, { world }) =>
    inner.once(cause, (unit) =>
      work(
        unitWith(unit, (request) => {
          if (request.kind !== 'label-task') return request;
          const blind = Math.floor(world.clock.now() / MINUTE_MS) % 2 === 0;
          return { ...request, state: { ...(request.state as object), blind } };
        }),
      ),
    ),
  );
}

/** Aliases are kept with the epoch of the routing, which is read from the service that writes it. */
export function readPastLog(): Mutation {
  let epoch = 0;
  return savesWith((request) => {
    if (request.kind === 'routing') epoch = (request.state as Routing).epoch;
    return request.kind === 'alias-entry' ? { ...request, state: { ...(request.state as object), epoch } } : request;
  });
}

/** Decisions are numbered by a count that a process keeps in its memory. */
export function countedInMemory(): Mutation {
  const counts = new Map<Process, number>();
  return journalWith((inner, cause, work, { process }) =>
    inner.once(cause, (unit) =>
      work(
        unitWith(unit, (request) => {
          if (request.kind !== 'decision') return request;
          const count = (counts.get(process) ?? 0) + 1;
          counts.set(process, count);
          return { ...request, state: { ...(request.state as object), count } };
        }),
      ),
    ),
  );
}
