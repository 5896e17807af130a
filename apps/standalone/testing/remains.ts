import {
  ArrivalAcceptedSchema,
  ArrivalFailedSchema,
  ArrivalMergedSchema,
  LabelsObservedSchema,
  PredictionsLoggedSchema,
} from '@rondo/contracts';
import type { ArtifactStore } from '@rondo/artifacts';
import type { MongoStore } from '@rondo/journal';
import type { Envelope } from '@rondo/messaging';
import type { DistributedRondo } from './distributed-rondo.js';
import { logged, type Logged, type Remains } from './invariants.js';

/** What the services keep, to be read. */
export interface Stores {
  readonly store: MongoStore;
  readonly artifacts: ArtifactStore;
}

/**
 * What a run on real servers left behind, once it has come to rest.
 * @param parked messages that were set aside and are no poison
 */
export function remainsOf(rondo: DistributedRondo, { store, artifacts }: Stores, parked: readonly string[]): Remains {
  const log = inOrder(rondo.messages);
  return {
    journalOf: (service) => store.journal(service, { readOnly: true }),
    log,
    artifact: (digest) => artifacts.get(digest),
    announced: answeredIn(log),
    served: logged(log, PredictionsLoggedSchema).map(({ message: { requestId, endpoint, epoch } }) => ({
      epoch,
      due: BigInt(rondo.dueEpoch(requestId, endpoint)),
    })),
    acceptedStale: [],
    parked,
    lost: [],
    unfinished: [],
  };
}

/** By the time at which they were told. Labels come first in their millisecond: what was counted of them was told later or at once. */
function inOrder(messages: readonly Envelope[]): Logged[] {
  const isLabels = ({ type }: Envelope): number => Number(type === LabelsObservedSchema.typeName);
  return [...messages]
    .sort((a, b) => a.timeMs - b.timeMs || isLabels(b) - isLabels(a))
    .map((message, position) => ({ ...message, position }));
}

/** Announcements come over HTTP, so the log knows only of their answers; that none is missing is shown by the end. */
function answeredIn(log: readonly Logged[]): Set<string> {
  const answers = [ArrivalAcceptedSchema, ArrivalMergedSchema, ArrivalFailedSchema];
  return new Set(answers.flatMap((answer) => logged(log, answer).map(({ at }) => at.headers['causationid'] ?? at.id)));
}
