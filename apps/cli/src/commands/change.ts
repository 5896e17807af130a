import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  ApprovalService,
  CycleService,
  DataService,
  DecisionMadeSchema,
  OperationsService,
  PipelineService,
  type Approval,
  type Cycle,
} from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import type { Command } from 'commander';
import { EXIT, Ended } from '../exit-codes.js';
import { findCycle, idOf } from '../find.js';
import type { Action } from '../program.js';
import { momentFromNowMs, reasonOf, type Session } from '../session.js';
import {
  approvalShape,
  batchShape,
  batchStateText,
  cycleName,
  cycleShape,
  decisionShape,
  parkedShape,
  pipelineShape,
} from '../shapes.js';
import { dryText, modelText, timeText, verdictText } from '../words.js';

interface ChangeOptions {
  readonly reason: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

const withReason = (command: Command): Command => command.requiredOption('--reason <text>', 'why; kept in the audit');

/** Changes by people: cycles, holds, approvals, batches and parked messages. */
export function changeCommands(program: Command, action: Action): void {
  cycleCommands(program, action);
  holdCommands(program, action);
  approvalCommands(program, action);
  const batch = program.command('batch').description('quarantined batches');
  for (const verb of ['release', 'reject'] as const) {
    withReason(batch.command(verb))
      .description(verb === 'release' ? 'let a quarantined batch through' : 'turn a quarantined batch away')
      .argument('<batch>')
      .option('-p, --pipeline <name>', 'pipeline of the batch', '')
      .action(
        action(
          (session, name: string, options: ChangeOptions & { pipeline: string }) =>
            decideBatch(session, verb, idOf('batch', name), options),
          1,
        ),
      );
  }
  const parked = program.command('parked').description('messages that were set aside');
  parked
    .command('list')
    .description('list them with their reason')
    .action(
      action(async (session) =>
        session.list(parkedShape, (await (await session.client(OperationsService)).listParked({})).messages),
      ),
    );
  withReason(parked.command('replay'))
    .description('hand one to its consumer again')
    .argument('<id>')
    .action(
      action(async (session, id: string, options: ChangeOptions) => {
        const { replayed } = await (
          await session.client(OperationsService)
        ).replayParked({ id, reason: reasonOf(options.reason) });
        session.around.out(`parked/${id} ${replayed ? 'replayed' : 'not replayed'}\n`);
        if (!replayed) throw new Ended(EXIT.no);
      }, 1),
    );
}

function cycleCommands(program: Command, action: Action): void {
  const cycle = program.command('cycle').description('start, cancel or retry cycles by hand');
  withReason(cycle.command('start'))
    .description(
      'start a cycle; neither cool-downs nor a hold apply, but suspension, the budget and a running cycle do',
    )
    .argument('<pipeline>')
    .option('--dry-run', 'decide and change nothing')
    .action(
      action(async (session, pipeline: string, options: ChangeOptions) => {
        const client = await session.client(CycleService);
        const { record } = await client.triggerCycle({
          pipeline,
          reason: reasonOf(options.reason),
          requestId: session.requestId(),
          validateOnly: options.dryRun ?? false,
        });
        const decision = record ?? create(DecisionMadeSchema, { pipeline });
        const isDry = options.dryRun ?? false;
        const started = decision.cycleId === '' || isDry ? '' : `, cycle ${decision.cycleId}`;
        session.changed(
          decisionShape,
          decision,
          `${pipeline}: ${decision.verdict}, because ${decision.reason}${started}${dryText(isDry)}`,
          isDry ? `rondo cycle start ${pipeline} --reason …` : `rondo explain ${decision.decisionId}`,
        );
        if (decision.verdict !== 'Start' && decision.verdict !== 'Merge') throw new Ended(EXIT.no);
      }, 1),
    );
  unscheduleCommand(cycle, action);
  const override = (verb: 'cancel' | 'retry', description: string): void => {
    withReason(cycle.command(verb))
      .description(description)
      .argument('<cycle>', 'pipeline/number or id')
      .option('--dry-run', 'check and change nothing')
      .option('--force', 'even when it changed meanwhile')
      .action(
        action(async (session, name: string, options: ChangeOptions) => {
          const before = await findCycle(session, name);
          const client = await session.client(CycleService);
          const request = {
            cycleId: before.cycleId,
            reason: reasonOf(options.reason),
            etag: options.force ? '' : before.etag,
            force: options.force ?? false,
            validateOnly: options.dryRun ?? false,
            requestId: session.requestId(),
          };
          const after: Cycle = await (verb === 'cancel' ? client.cancelCycle(request) : client.retryStep(request));
          session.changed(
            cycleShape,
            after,
            `cycle/${cycleName(after)} ${after.result || after.phase}${dryText(options.dryRun ?? false)}`,
            `rondo explain ${cycleName(after)}`,
          );
        }, 1),
      );
  };
  override('cancel', 'end a cycle; nothing of it is promoted');
  override('retry', 'run the failed step of a cycle again');
}

function unscheduleCommand(cycle: Command, action: Action): void {
  withReason(cycle.command('unschedule'))
    .description('drop a cycle that a forecast scheduled; none is scheduled again before its day')
    .argument('<pipeline>')
    .action(
      action(async (session, pipeline: string, options: ChangeOptions) => {
        const client = await session.client(PipelineService);
        const request = { pipeline, reason: reasonOf(options.reason), requestId: session.requestId() };
        const after = await client.cancelScheduledCycle(request);
        session.changed(
          pipelineShape,
          after,
          `pipeline/${pipeline}: no cycle is scheduled any more`,
          `rondo status ${pipeline}`,
        );
      }, 1),
    );
}

function holdCommands(program: Command, action: Action): void {
  withReason(program.command('hold'))
    .description('start no more cycles automatically; running ones go on')
    .argument('<pipeline>')
    .option('--until <moment>', 'a day, RFC 3339, or a duration from now such as 2d')
    .action(
      action(async (session, pipeline: string, options: ChangeOptions & { until?: string }) => {
        const until =
          options.until === undefined
            ? {}
            : { until: timestampFromMs(momentFromNowMs(options.until, session.around.clock.now(), 'until')) };
        const after = await (
          await session.client(PipelineService)
        ).holdAutomaticCycles({ pipeline, reason: reasonOf(options.reason), requestId: session.requestId(), ...until });
        session.changed(
          pipelineShape,
          after,
          `pipeline/${pipeline} held until ${after.heldUntil ? timeText(after.heldUntil) : 'released'}`,
          `rondo release ${pipeline} --reason …`,
        );
      }, 1),
    );
  withReason(program.command('release'))
    .description('let cycles start automatically again')
    .argument('<pipeline>')
    .action(
      action(async (session, pipeline: string, options: ChangeOptions) => {
        const after = await (
          await session.client(PipelineService)
        ).releaseAutomaticCycles({ pipeline, reason: reasonOf(options.reason), requestId: session.requestId() });
        session.changed(pipelineShape, after, `pipeline/${pipeline} released`, `rondo status ${pipeline}`);
      }, 1),
    );
}

function approvalCommands(program: Command, action: Action): void {
  for (const verb of ['approve', 'reject'] as const) {
    withReason(program.command(verb))
      .description(`${verb} what an approval asks for`)
      .argument('<approval>')
      .option('--digest <digest>', 'the evidence you looked at; refused when it is another by now')
      .action(
        action(
          (session, name: string, options: ChangeOptions & { digest?: string }) =>
            vote(session, idOf('approval', name), verb === 'approve', options),
          1,
        ),
      );
  }
}

async function vote(
  session: Session,
  approvalId: string,
  approve: boolean,
  options: ChangeOptions & { readonly digest?: string },
): Promise<void> {
  const client = await session.client(ApprovalService);
  const before: Approval = await client.getApproval({ approvalId });
  if (options.digest !== undefined && options.digest !== before.boundDigest) {
    throw new PermanentError('conflict', 'the evidence is another than the one you looked at', {
      field: 'digest',
      value: options.digest,
      rule: before.boundDigest,
      reason: 'EVIDENCE_CHANGED',
    });
  }
  session.note(
    `model ${modelText(before.candidate)}, evaluation ${verdictText(before.evaluationVerdict)}, evidence ${before.boundDigest}`,
  );
  const after = await client.vote({
    approvalId,
    approve,
    rationale: reasonOf(options.reason),
    boundDigest: before.boundDigest,
    requestId: session.requestId(),
  });
  const given = after.votes.filter((one) => one.approve).length;
  session.changed(
    approvalShape,
    after,
    `approval/${approvalId} ${after.state}, ${given} of ${after.votesNeeded} votes`,
    `rondo explain ${after.cycleId}`,
  );
}

async function decideBatch(
  session: Session,
  verb: 'release' | 'reject',
  batchId: string,
  options: ChangeOptions & { readonly pipeline: string },
): Promise<void> {
  const client = await session.client(DataService);
  const before = await client.getBatch({ batchId, pipeline: options.pipeline });
  const request = {
    batchId,
    pipeline: before.pipeline,
    reason: reasonOf(options.reason),
    etag: before.etag,
    requestId: session.requestId(),
  };
  const after = await (verb === 'release' ? client.releaseBatch(request) : client.rejectBatch(request));
  session.changed(
    batchShape,
    after,
    `batch/${batchId} ${batchStateText(after.state)}`,
    `rondo get batches ${batchId} -p ${after.pipeline}`,
  );
}
