import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ActorKind,
  LabelCampaignClosedSchema,
  LabelRecordedSchema,
  ListAuditEntriesRequestSchema,
} from '@rondo/contracts';
import { rpcContext, testPlatform, type TestPlatform } from '@rondo/service/testing';
import type { Surroundings } from '../surroundings.js';
import { AuditRpc } from './operations.rpc.js';

const pipeline = 'flights';
let platform: TestPlatform;
let audit: AuditRpc;
let said = 0;

beforeEach(() => {
  platform = testPlatform('labeling');
  const journals = [{ service: 'labeling', journal: platform.journal }];
  audit = new AuditRpc(
    { version: '0', mode: 'embedded', journals, spans: () => Promise.resolve([]) } satisfies Surroundings,
    platform,
  );
});
afterEach(() => platform.close());

async function say<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Promise<void> {
  const outgoing = [{ schema, message: create(schema, init), key: pipeline, headers: { cycleid: 'c1' } }];
  await platform.journal.once({ consumer: 'spec', messageId: `${++said}` }, (unit) =>
    unit.save({ kind: 'spec', id: `${said}`, state: {}, outgoing }),
  );
}

const answered = (id: string, campaignId = 'k1'): Promise<void> =>
  say(LabelRecordedSchema, {
    pipeline,
    campaignId,
    taskId: `task-${id}`,
    rowKey: 'r',
    annotator: { id, kind: ActorKind.HUMAN, roles: ['annotator'] },
    revision: 1,
    answer: '1',
    rationale: 'seen on the tape',
    suggestion: '0',
    suggestionConfidence: 0.9,
  });

async function payloads(...caller: Parameters<typeof rpcContext>): Promise<Record<string, unknown>[]> {
  const { entries } = await audit.listAuditEntries(
    create(ListAuditEntriesRequestSchema, { pipeline }),
    rpcContext(...caller),
  );
  return entries.map(({ payloadJson }) => JSON.parse(payloadJson) as Record<string, unknown>);
}

describe('the audit of blind labels', () => {
  it('shows annotators of an open campaign who answered what, and only their own answers', async () => {
    await answered('alice');
    await answered('bob');
    const [bobs, alices] = await payloads('alice', 'annotator');
    expect(alices).toMatchObject({ answer: '1', rationale: 'seen on the tape', suggestion: '0' });
    expect(bobs).toEqual({
      pipeline,
      campaignId: 'k1',
      taskId: 'task-bob',
      rowKey: 'r',
      annotator: { id: 'bob', kind: 'ACTOR_KIND_HUMAN', roles: ['annotator'] },
      revision: 1,
      withheld: 'until the campaign closes',
    });
    expect((await payloads('olga', 'operator')).map((payload) => payload['answer'])).toEqual([undefined, undefined]);
  });

  it.each(['approver', 'admin'] as const)('shows everything to an %s', async (role) => {
    await answered('bob');
    expect(await payloads('olga', role)).toMatchObject([{ answer: '1' }]);
  });

  it('shows everything to everybody once the campaign is closed, but not what another campaign of the cycle still asks', async () => {
    await answered('bob');
    await answered('bob', 'k2');
    await say(LabelCampaignClosedSchema, {
      pipeline,
      cycleId: 'c1',
      campaignId: 'k1',
      passed: true,
      reason: 'Complete',
      answered: 1,
    });
    const answers = (await payloads('alice', 'annotator')).filter(({ taskId }) => taskId !== undefined);
    expect(answers.map(({ campaignId, answer }) => [campaignId, answer])).toEqual([
      ['k2', undefined],
      ['k1', '1'],
    ]);
  });
});
