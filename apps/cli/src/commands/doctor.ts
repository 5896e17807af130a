import type { Command } from 'commander';
import type { Action } from '../program.js';
import { Ended, EXIT } from '../exit-codes.js';

/** `doctor`: what keeps the services from starting here. */
export function doctorCommand(program: Command, action: Action): void {
  program
    .command('doctor')
    .description(
      'looks at Kafka, MongoDB, bucket, tokens and clocks with the settings of the environment (RONDO_KAFKA_BROKERS, …)',
    )
    .action(
      action(async ({ around }) => {
        // Loaded here: every other command starts faster without the clients of three servers.
        const { diagnose } = await import('@rondo/runtime');
        let problems = 0;
        for await (const { subject, isFine, message } of diagnose(around.env)) {
          if (!isFine) problems += 1;
          around.out(`${isFine ? 'ok     ' : 'problem'}  ${subject.padEnd(8)}  ${message}\n`);
        }
        if (problems > 0) throw new Ended(EXIT.no);
      }),
    );
}
