import { Command, Option } from 'commander';
import { championCommand } from './commands/champion.js';
import { changeCommands } from './commands/change.js';
import { doctorCommand } from './commands/doctor.js';
import { eventCommands } from './commands/events.js';
import { fileCommands } from './commands/files.js';
import { incidentCommands } from './commands/incident.js';
import { labelCommands } from './commands/label.js';
import { lookCommands } from './commands/look.js';
import { rolloutCommands } from './commands/rollout.js';
import { selfCommands, VERSION } from './commands/self.js';
import { tokenCommands } from './commands/token.js';
import { waitCommand } from './commands/wait.js';
import { FORMATS } from './output.js';
import { Session, type GlobalFlags } from './session.js';
import type { Surroundings } from './surroundings.js';

/**
 * Turns the work of a command into a commander action. Commander passes the arguments, the options and the command itself; the
 * first `count` arguments and the options reach the work, after its session.
 */
export type Action = <A extends readonly unknown[]>(
  work: (session: Session, ...args: [...A]) => Promise<void> | void,
  count?: number,
) => (...args: unknown[]) => Promise<void>;

/** Builds the grammar of `rondo`. */
export function buildProgram(around: Surroundings): Command {
  const program = new Command('rondo')
    .description('Keeps deployed models fresh: look, decide and act from the command line.')
    .version(VERSION)
    .option('--server <host:port>', 'gRPC address (default: RONDO_SERVER, or 127.0.0.1:4701)')
    .addOption(new Option('-o, --output <form>', 'form of the result').choices(FORMATS).default('table'))
    .option('--timeout <duration>', 'longest time to wait', '10m')
    .exitOverride()
    .showHelpAfterError('(rondo --help shows the commands)')
    .configureOutput({ writeOut: around.out, writeErr: around.err });
  const action: Action =
    (work, count = 0) =>
    async (...args) => {
      const session = new Session(around, program.opts<GlobalFlags>());
      try {
        await work(session, ...(args.slice(0, count + 1) as never));
      } finally {
        session.close();
      }
    };
  fileCommands(program, action);
  lookCommands(program, action);
  championCommand(program, action);
  waitCommand(program, action);
  changeCommands(program, action);
  rolloutCommands(program, action);
  incidentCommands(program, action);
  eventCommands(program, action);
  labelCommands(program, action);
  tokenCommands(program, action);
  selfCommands(program, action);
  doctorCommand(program, action);
  return program;
}
