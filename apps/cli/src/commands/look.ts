import { CycleService, PipelineService, RolloutService, type Pipeline, type Rollout } from '@rondo/contracts';
import { Argument, Option, type Command } from 'commander';
import { explainCycle, explainDecision, explainEvent, explainRollout } from '../explain.js';
import { findCycleOrDecision, findEvent } from '../find.js';
import type { Action } from '../program.js';
import type { Session } from '../session.js';
import { cycleShape, decisionShape, eventShape, pipelineShape } from '../shapes.js';
import { modelText, plainText, timeText } from '../words.js';
import { NOUNS, type GetOptions } from './nouns.js';

/** `get`, `explain` and `status`. */
export function lookCommands(program: Command, action: Action): void {
  program
    .command('get')
    .description('list things, or show one')
    .addArgument(new Argument('<noun>', 'what to look at').choices(Object.keys(NOUNS)))
    .argument('[name]', 'one of them: an id, or pipeline/number for cycles and rollouts')
    .option('-p, --pipeline <name>', 'only of this pipeline', '')
    .option('--state <state>', 'only in this state (events: fate; cycles: phase or result)', '')
    .addOption(new Option('--limit <n>', 'at most so many').default('50'))
    .action(
      action(async (session, noun: string, name: string | undefined, options: GetOptions) => {
        const known = NOUNS[noun]!;
        await (name === undefined ? known.list(session, options) : known.one(session, name, options));
      }, 2),
    );
  program
    .command('explain')
    .description('say why: the checks, values, limits and counts behind a cycle, a decision or an event')
    .argument('<name>', 'pipeline/number, a cycle id or a decision id; with -p the id of an event')
    .option('-p, --pipeline <name>', 'explain an event of this pipeline', '')
    .action(
      action(async (session, name: string, options: { pipeline: string }) => {
        if (options.pipeline !== '') return explainNamedEvent(session, options.pipeline, name);
        const found = await findCycleOrDecision(session, name);
        if (session.flags.output !== 'table')
          return 'cycle' in found ? session.one(cycleShape, found.cycle) : session.one(decisionShape, found.decision);
        const lines =
          'cycle' in found
            ? explainCycle(found.cycle, await rolloutOf(session, found.cycle.rolloutId))
            : explainDecision(found.decision);
        session.around.out(`${lines.join('\n')}\n`);
      }, 1),
    );
  program
    .command('status')
    .description('where a pipeline stands: champion, present cycle, rollout, what holds it back')
    .argument('<pipeline>')
    .action(action((session, name: string) => status(session, name), 1));
}

async function explainNamedEvent(session: Session, pipeline: string, name: string): Promise<void> {
  const { event, decision } = await findEvent(session, pipeline, name);
  if (session.flags.output !== 'table') return session.one(eventShape, event);
  session.around.out(`${explainEvent(event, decision).join('\n')}\n`);
}

async function rolloutOf(session: Session, rolloutId: string): Promise<Rollout | undefined> {
  return rolloutId === '' ? undefined : (await session.client(RolloutService)).getRollout({ rolloutId });
}

/** Whether policy time has begun: that of events stands at zero until the first of them. */
const hasBegun = ({ policyTime }: Pipeline): boolean => policyTime !== undefined && policyTime.seconds > 0n;

async function status(session: Session, name: string): Promise<void> {
  const pipeline = await (await session.client(PipelineService)).getPipeline({ pipeline: name });
  if (session.flags.output !== 'table') return session.one(pipelineShape, pipeline);
  const lines = [
    `${pipeline.name}, generation ${pipeline.generation}, endpoint ${pipeline.endpoint}`,
    pipeline.champion
      ? `champion   ${modelText(pipeline.champion)} since ${timeText(pipeline.championSince)}`
      : 'champion   none yet: the first cycle that is promoted brings one',
    hasBegun(pipeline)
      ? `time       ${timeText(pipeline.policyTime)} (policy time)`
      : 'time       not yet: policy time begins with the first data',
    `budget     ${pipeline.cyclesInBudgetWindow} of ${pipeline.cyclesMax} cycles used`,
    ...(pipeline.suspended ? ['suspended  its document says spec.suspend: no cycle starts, not by hand either'] : []),
    ...(pipeline.held
      ? [
          `held       ${pipeline.holdReason}, until ${timeText(pipeline.heldUntil)}; rondo release ${pipeline.name} --reason …`,
        ]
      : []),
    ...(pipeline.coolingDownUntil
      ? [`cooling    until ${timeText(pipeline.coolingDownUntil)} after ${pipeline.coolingDownAfter}`]
      : []),
  ];
  const scheduled = pipeline.scheduledCycle;
  if (scheduled) {
    const why = `trigger ${scheduled.trigger} by a forecast of ${scheduled.series}`;
    const way = `rondo explain ${scheduled.decisionId}, rondo cycle unschedule ${pipeline.name} --reason …`;
    lines.push(`scheduled  a cycle on ${timeText(scheduled.notBefore)} (policy time), ${why}; ${way}`);
  }
  const record = pipeline.lastDecision?.record;
  if (record) lines.push(`decision   ${record.verdict}, because ${record.reason}; rondo explain ${record.decisionId}`);
  if (pipeline.activeCycleId !== '') {
    const cycle = await (await session.client(CycleService)).getCycle({ cycleId: pipeline.activeCycleId });
    lines.push(`cycle      ${cycle.pipeline}/${cycle.number}: ${cycle.phase}; ${cycle.next}`);
    const rollout = await rolloutOf(session, cycle.rolloutId);
    if (rollout) lines.push(...explainRollout(rollout));
  }
  session.around.out(`${lines.map(plainText).join('\n')}\n`);
}
