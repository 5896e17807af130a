import { LabelingService } from '@rondo/contracts';
import type { Command } from 'commander';
import type { Action } from '../program.js';
import { reasonOf } from '../session.js';
import { annotatorShape, campaignShape } from '../shapes.js';

/** `label stats`, `label annotators` and `label resume`. */
export function labelCommands(program: Command, action: Action): void {
  const label = program.command('label').description('labeling');
  label
    .command('stats')
    .description('campaigns with their progress and quality')
    .option('-p, --pipeline <name>', 'only of this pipeline', '')
    .action(
      action(async (session, { pipeline }: { pipeline: string }) => {
        const client = await session.client(LabelingService);
        session.list(campaignShape, (await client.listCampaigns({ pipeline })).campaigns);
      }),
    );
  label
    .command('annotators')
    .description('what gold tasks show of each annotator')
    .option('-p, --pipeline <name>', 'only of this pipeline', '')
    .action(
      action(async (session, { pipeline }: { pipeline: string }) => {
        const client = await session.client(LabelingService);
        session.list(annotatorShape, (await client.listAnnotators({ pipeline })).annotators);
      }),
    );
  label
    .command('resume')
    .description('let a paused annotator go on; their gold tasks are counted anew')
    .argument('<annotator>')
    .requiredOption('-p, --pipeline <name>')
    .requiredOption('--reason <text>', 'why; kept in the audit')
    .action(
      action(async (session, annotator: string, options: { pipeline: string; reason: string }) => {
        const client = await session.client(LabelingService);
        const requestId = session.requestId();
        const { pipeline } = options;
        const resumed = await client.resumeAnnotator({
          pipeline,
          annotator,
          reason: reasonOf(options.reason),
          requestId,
        });
        session.around.out(`annotator/${resumed.annotator} ${resumed.state}\n`);
      }, 1),
    );
}
