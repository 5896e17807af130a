import { create, fromBinary, toJson } from '@bufbuild/protobuf';
import { LabelCampaignClosedSchema, LabelRecordedSchema, registry, type LabelRecorded } from '@rondo/contracts';
import type { Journal, JournalEntry } from '@rondo/journal';
import { isAllowed, type Principal } from '@rondo/security';

const ENTRIES_SEARCHED = 10_000;

/** The payload of an answer that must stay blind, or undefined for what may be shown as it is. */
export type Blindfold = (entry: JournalEntry) => Promise<string | undefined>;

/**
 * Keeps the answers of an open campaign from those who may still be asked: they see who answered which task, and what they
 * answered themselves. Approvers and admins see everything, and so does everybody once the campaign is closed.
 */
export function blindfoldFor(
  principal: Principal,
  journals: readonly { readonly service: string; readonly journal: Journal }[],
): Blindfold {
  const closed = new Map<string, Promise<ReadonlySet<string>>>();
  const closedCampaigns = ({ service, headers }: JournalEntry): Promise<ReadonlySet<string>> => {
    const cycleId = headers['cycleid'] ?? '';
    const key = JSON.stringify([service, cycleId]);
    const journal = journals.find((each) => each.service === service)?.journal;
    const known = closed.get(key) ?? (journal ? closedIn(journal, cycleId) : Promise.resolve(new Set<string>()));
    closed.set(key, known);
    return known;
  };
  return async (entry) => {
    if (entry.type !== LabelRecordedSchema.typeName || isAllowed(principal, 'approver')) return undefined;
    const answer = fromBinary(LabelRecordedSchema, entry.payload);
    if (answer.annotator?.id === principal.id || (await closedCampaigns(entry)).has(answer.campaignId))
      return undefined;
    return withheld(answer);
  };
}

async function closedIn(journal: Journal, cycleId: string): Promise<ReadonlySet<string>> {
  const entries = await journal.entries({ cycleId, newestFirst: true, limit: ENTRIES_SEARCHED });
  const ends = entries.filter(({ type }) => type === LabelCampaignClosedSchema.typeName);
  return new Set(ends.map(({ payload }) => fromBinary(LabelCampaignClosedSchema, payload).campaignId));
}

function withheld({ pipeline, campaignId, taskId, rowKey, annotator, revision }: LabelRecorded): string {
  const known = create(LabelRecordedSchema, {
    pipeline,
    campaignId,
    taskId,
    rowKey,
    revision,
    ...(annotator && { annotator }),
  });
  return JSON.stringify({
    ...(toJson(LabelRecordedSchema, known, { registry }) as object),
    withheld: 'until the campaign closes',
  });
}
