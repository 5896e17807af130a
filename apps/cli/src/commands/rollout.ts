import { RolloutService, type Rollout } from '@rondo/contracts';
import { PermanentError } from '@rondo/kernel';
import type { Command } from 'commander';
import { explainRollout } from '../explain.js';
import { findRollout } from '../find.js';
import type { Action } from '../program.js';
import { reasonOf, type Session } from '../session.js';
import { rolloutShape } from '../shapes.js';
import { dryText, modelText } from '../words.js';

interface OverrideOptions {
  readonly reason: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly etag?: string;
}

const VERBS = {
  pause: { method: 'pauseRollout', does: 'stay at the present weight', next: 'resume' },
  resume: { method: 'resumeRollout', does: 'go on after a pause', next: 'get' },
  advance: { method: 'advanceRollout', does: 'end the present step and enter the next', next: 'get' },
  promote: { method: 'promoteRollout', does: 'make the candidate champion now, skipping the steps left', next: 'get' },
  abort: { method: 'rollBack', does: 'take all traffic off the candidate', next: 'get' },
} as const;

/** `rollout …`: what an SRE does by hand. */
export function rolloutCommands(program: Command, action: Action): void {
  const rollout = program.command('rollout').description('look at a rollout and steer it by hand');
  rollout
    .command('get')
    .description('where it stands, with the evidence of its last look')
    .argument('<rollout>', 'id, or pipeline/number of its cycle')
    .action(
      action(async (session, name: string) => {
        const found = await findRollout(session, name);
        if (session.flags.output === 'table') session.around.out(`${explainRollout(found).join('\n')}\n`);
        else session.one(rolloutShape, found);
      }, 1),
    );
  for (const verb of Object.keys(VERBS) as (keyof typeof VERBS)[]) {
    overrideOptions(rollout.command(verb))
      .description(VERBS[verb].does)
      .argument('<rollout>', 'id, or pipeline/number of its cycle')
      .option('--dry-run', 'check and change nothing')
      .action(action((session, name: string, options: OverrideOptions) => override(session, verb, name, options), 1));
  }
  overrideOptions(rollout.command('set-weight'))
    .description('send this share of the traffic to the candidate')
    .argument('<rollout>', 'id, or pipeline/number of its cycle')
    .argument('<percent>', '0 to 100')
    .action(
      action(
        (session, name: string, percent: string, options: OverrideOptions) =>
          setWeight(session, name, percent, options),
        2,
      ),
    );
  overrideOptions(rollout.command('restore'))
    .description('after a promotion: bring the champion before this one back, as one set')
    .argument('<endpoint>')
    .action(
      action(async (session, endpoint: string, options: OverrideOptions) => {
        const client = await session.client(RolloutService);
        const before = await client.getRouting({ endpoint });
        const after = await client.restorePreviousChampion({ endpoint, ...common(session, options, before.etag) });
        session.around.out(`endpoint/${endpoint} serves ${modelText(after.champion)} again, epoch ${after.epoch}\n`);
      }, 1),
    );
}

const overrideOptions = (command: Command): Command =>
  command
    .requiredOption('--reason <text>', 'why; kept in the audit')
    .option('--force', 'even when it changed meanwhile')
    .option('--etag <etag>', 'only when it is still at this etag (default: as it is now)');

const common = (session: Session, options: OverrideOptions, etag: string) => ({
  reason: reasonOf(options.reason),
  etag: options.force ? '' : (options.etag ?? etag),
  force: options.force ?? false,
  requestId: session.requestId(),
});

async function override(
  session: Session,
  verb: keyof typeof VERBS,
  name: string,
  options: OverrideOptions,
): Promise<void> {
  const before = await findRollout(session, name);
  const client = await session.client(RolloutService);
  const request = {
    rolloutId: before.rolloutId,
    ...common(session, options, before.etag),
    validateOnly: options.dryRun ?? false,
  };
  const after = await client[VERBS[verb].method](request);
  report(session, after, VERBS[verb].next, options.dryRun ?? false);
}

async function setWeight(session: Session, name: string, percent: string, options: OverrideOptions): Promise<void> {
  if (!/^(100|\d{1,2})$/.test(percent))
    throw new PermanentError('invalid', `"${percent}" is not a weight`, {
      field: 'percent',
      value: percent,
      rule: 'a whole number from 0 to 100',
    });
  const before = await findRollout(session, name);
  const client = await session.client(RolloutService);
  const after = await client.setWeight({
    rolloutId: before.rolloutId,
    weightPercent: Number(percent),
    ...common(session, options, before.etag),
  });
  report(session, after, 'get', false);
}

function report(session: Session, after: Rollout, next: string, isDry: boolean): void {
  const reason = next === 'get' ? '' : ' --reason …';
  session.changed(
    rolloutShape,
    after,
    `rollout/${after.rolloutId} ${after.state}, candidate at ${after.weightPercent} %, etag ${after.etag}${dryText(isDry)}`,
    `rondo rollout ${next} ${after.rolloutId}${reason}`,
  );
}
