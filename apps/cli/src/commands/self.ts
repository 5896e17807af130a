import { OperationsService, WhoAmIResponseSchema, type WhoAmIResponse } from '@rondo/contracts';
import { messageOf } from '@rondo/kernel';
import type { Command } from 'commander';
import { messageJson, type Shape } from '../output.js';
import type { Action } from '../program.js';

/** Version of the command line. */
export const VERSION = '0.1.0';

/** For machines; people get a sentence. */
const whoShape: Shape<WhoAmIResponse> = {
  kind: 'principal',
  json: messageJson(WhoAmIResponseSchema),
  name: ({ principal }) => principal,
  columns: [],
};

/** `version`, `whoami` and `config`. */
export function selfCommands(program: Command, action: Action): void {
  program
    .command('version')
    .description('versions of this command and of the server')
    .action(
      action(async (session) => {
        session.around.out(`rondo ${VERSION}\n`);
        try {
          const me = await (await session.client(OperationsService)).whoAmI({}, { timeoutMs: 2000 });
          session.around.out(`server ${me.version} (${me.mode}) at ${session.settings.server}\n`);
        } catch (error) {
          session.note(`server at ${session.settings.server}: ${messageOf(error)}`);
        }
      }),
    );
  program
    .command('whoami')
    .description('who the server takes you for')
    .action(
      action(async (session) => {
        const me = await (await session.client(OperationsService)).whoAmI({});
        if (session.flags.output !== 'table') return session.one(whoShape, me);
        session.around.out(`${me.principal} (${me.roles.join(', ')})\n`);
      }),
    );
  program
    .command('config')
    .description('settings in force and where each comes from')
    .action(
      action((session) => {
        const { server, serverSource, token, tokenSource } = session.settings;
        session.around.out(
          `server  ${server}  (${serverSource})\ntoken   ${token === undefined ? '-' : '***'}  (${tokenSource})\n`,
        );
      }),
    );
}
