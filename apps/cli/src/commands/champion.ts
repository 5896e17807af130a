import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { ModelService } from '@rondo/contracts';
import type { Command } from 'commander';
import type { Action } from '../program.js';
import { momentMs } from '../session.js';
import { championShape } from '../shapes.js';

/** `champion`: who served when, who moved it and why. */
export function championCommand(program: Command, action: Action): void {
  program
    .command('champion')
    .description('which model was champion when, who moved it and why; the newest first')
    .argument('<pipeline>')
    .option('--at <moment>', 'only the one at this moment by the clock on the wall (a day, or RFC 3339)')
    .action(
      action(async (session, pipeline: string, options: { at?: string }) => {
        const client = await session.client(ModelService);
        if (options.at === undefined)
          return session.list(championShape, (await client.listModels({ pipeline })).championHistory);
        const at = timestampFromMs(momentMs(options.at, 'at'));
        session.one(championShape, await client.getChampionAt({ pipeline, at }));
      }, 1),
    );
}
