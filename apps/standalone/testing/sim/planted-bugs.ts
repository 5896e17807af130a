import type { CheckName } from '../promises.js';
import { freezingSeed, mixedSeed } from './faults.js';
import {
  acknowledgedFirst,
  decisionsUntold,
  endsUnheard,
  entryAltered,
  everyFailureIsFinal,
  formerForgotten,
  guardrailsOff,
  inboxForgets,
  inboxOff,
  keepsCandidate,
  labelsForgotten,
  labelsUnread,
  liesAboutCommits,
  neverTriedAgain,
  relayForgets,
  relaySkips,
  resultsUnfenced,
  runningCycleForgotten,
  savesWith,
  votesUnbound,
  type Routing,
} from './mutations.js';
import { newFieldsDropped, newFieldsRefused, newTypesPassedOver, newValuesPassedOver } from './release-mutations.js';
import { countedInMemory, drawnFromClock, readPastLog } from './replay-mutations.js';
import type { Mutation } from './simulation.js';
import { budgetForgotten, marginIgnored, policyAltered, slicesForgotten } from './verdict-mutations.js';

/** A part that is broken on purpose, and the checks that notice it. */
export interface PlantedBug {
  readonly name: string;
  /** What was done to it, for the table in docs/reliability.md. */
  readonly broken: string;
  /** Each of these finds it. */
  readonly caughtBy: readonly CheckName[];
  readonly mutation: () => Mutation;
  /** The only seeds that can show it, from 0; all when left out. */
  readonly seed?: (index: number) => number;
  /** A seed that has shown it, tried first; without one, or when it no longer does, all are tried in their order. */
  readonly shownBy?: number;
}

/** The seeds a bug is tried with, in their order. */
export function seedsFor(bug: PlantedBug, count: number): number[] {
  const seeds = Array.from({ length: count }, (_, index) => bug.seed?.(index) ?? index + 1);
  return [...new Set([...(bug.shownBy === undefined ? [] : [bug.shownBy]), ...seeds])];
}

/** Every broken build that the checks are shown to notice. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'inbox off',
    broken: 'every delivery gets an inbox key of its own',
    caughtBy: ['one-fate'],
    mutation: inboxOff,
  },
  {
    name: 'inbox with a time window',
    broken: 'inbox keys are forgotten after two seconds',
    caughtBy: ['one-fate'],
    mutation: () => inboxForgets(2_000),
    shownBy: 2,
  },
  {
    name: 'acknowledged before the commit',
    broken: 'deliveries are acknowledged before their unit of work is durable',
    caughtBy: ['one-fate', 'comes-to-rest'],
    mutation: acknowledgedFirst,
    shownBy: 2,
  },
  {
    name: 'no retry',
    broken: 'a delivery that failed is dropped',
    caughtBy: ['one-fate', 'comes-to-rest'],
    mutation: neverTriedAgain,
    shownBy: 2,
  },
  {
    name: 'no outbox',
    broken: 'messages that were committed and not yet delivered are lost with a process',
    caughtBy: ['one-fate'],
    mutation: relayForgets,
    shownBy: 5,
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
    shownBy: 2,
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
    caughtBy: ['one-fate', 'comes-to-rest'],
    mutation: liesAboutCommits,
  },
  {
    name: 'running cycle forgotten',
    broken: 'inbox off, and whoever decides does not see the cycle that runs',
    caughtBy: ['one-effect', 'one-cycle-per-cause'],
    mutation: runningCycleForgotten,
  },
  {
    name: 'failures taken for poison',
    broken: 'every failure of a handler is final',
    caughtBy: ['nothing-parked'],
    mutation: everyFailureIsFinal,
    shownBy: 2,
  },
  {
    name: 'labels not read',
    broken: 'one message with labels in ten is acknowledged unread',
    caughtBy: ['same-end'],
    mutation: labelsUnread,
    shownBy: 7,
  },
  {
    name: 'labels counted again',
    broken: 'inbox off, and rows forget that their outcome was counted',
    caughtBy: ['labels-once'],
    mutation: labelsForgotten,
    shownBy: 2,
  },
  {
    name: 'decision not told',
    broken: 'decisions about drift and performance are saved without their record',
    caughtBy: ['one-fate'],
    mutation: decisionsUntold,
  },
  {
    name: 'no guardrails',
    broken: 'the analyses are taken out of every rollout',
    caughtBy: ['approved'],
    mutation: guardrailsOff,
    shownBy: 2,
  },
  {
    name: 'end not heard',
    broken: 'the gateways miss every routing that takes a candidate away',
    caughtBy: ['weight-0-after-end'],
    mutation: endsUnheard,
  },
  {
    name: 'relay skips messages',
    broken: 'one committed message in forty is not published',
    caughtBy: ['chain'],
    mutation: relaySkips,
  },
  {
    name: 'entry altered',
    broken: 'the actor of an entry is changed in the store',
    caughtBy: ['chain'],
    mutation: entryAltered,
  },
  {
    name: 'budget forgotten',
    broken: 'whoever decides finds that no cycle has used up any of the budget',
    caughtBy: ['verdicts-replay'],
    mutation: budgetForgotten,
  },
  {
    name: 'policy altered',
    broken: 'the evaluation keeps another gate than the one that was admitted',
    caughtBy: ['verdicts-replay'],
    mutation: policyAltered,
  },
  {
    name: 'margin ignored',
    broken: 'rollouts hold what they see against another margin than their policy has',
    caughtBy: ['verdicts-replay'],
    mutation: marginIgnored,
    shownBy: 2,
  },
  {
    name: 'slices forgotten',
    broken: 'rollouts look at no slices, although their policy names some',
    caughtBy: ['verdicts-replay'],
    mutation: slicesForgotten,
    shownBy: 1,
  },
  {
    name: 'former champion forgotten',
    broken: 'whoever writes the routing does not see the champion before the present one',
    caughtBy: ['way-back'],
    mutation: formerForgotten,
  },
  {
    name: 'drawn from the clock',
    broken: 'which suggestions annotators do not see depends on the minute',
    caughtBy: ['log-replays'],
    mutation: drawnFromClock,
  },
  {
    name: 'read past the log',
    broken: 'aliases are kept with the epoch of the routing, read from the service that writes it',
    caughtBy: ['log-replays'],
    mutation: readPastLog,
  },
  {
    name: 'counted in memory',
    broken: 'decisions are numbered by a count that a process keeps in its memory',
    caughtBy: ['log-replays'],
    mutation: countedInMemory,
  },
  {
    name: 'new types passed over',
    broken: 'messages of a type that is not known are acknowledged as if they were handled',
    caughtBy: ['newer-and-older'],
    mutation: newTypesPassedOver,
    seed: mixedSeed,
    shownBy: 10,
  },
  {
    name: 'new values passed over',
    broken: 'messages with a value that is not known are acknowledged as if they were handled',
    caughtBy: ['newer-and-older'],
    mutation: newValuesPassedOver,
    seed: mixedSeed,
  },
  {
    name: 'new fields refused',
    broken: 'a message with a field that is not known is set aside',
    caughtBy: ['nothing-parked'],
    mutation: newFieldsRefused,
    seed: mixedSeed,
    shownBy: 10,
  },
  {
    name: 'new fields dropped',
    broken: 'documents are read without the fields that are not known',
    caughtBy: ['newer-and-older'],
    mutation: newFieldsDropped,
    seed: mixedSeed,
    shownBy: 10,
  },
  {
    name: 'job without a fence',
    broken: 'the result of a job is taken from whoever brings it, also when another process has taken the job up since',
    caughtBy: ['one-effect'],
    mutation: resultsUnfenced,
    seed: freezingSeed,
    shownBy: 78,
  },
];
