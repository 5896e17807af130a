import { IncidentService } from '@rondo/contracts';
import type { Command } from 'commander';
import { idOf } from '../find.js';
import type { Action } from '../program.js';
import { incidentShape } from '../shapes.js';

/** `incident`: what was learnt of a rollback. */
export function incidentCommands(program: Command, action: Action): void {
  const incident = program.command('incident').description('what went wrong, and what was learnt');
  incident
    .command('close')
    .description('close an incident with what was learnt; starts no cycle and moves no traffic')
    .argument('<incident>')
    .requiredOption('--postmortem <text>', 'what happened, why, and what changes; kept in the audit')
    .option('--action <text...>', 'what is to be done; more than one may follow')
    .action(
      action(async (session, name: string, options: { postmortem: string; action?: string[] }) => {
        const incidentId = idOf('incident', name);
        const after = await (
          await session.client(IncidentService)
        ).closeIncident({
          incidentId,
          postmortem: options.postmortem,
          actionItems: options.action ?? [],
          requestId: session.requestId(),
        });
        const items = after.actionItems.length;
        const todo = items === 0 ? 'no action item' : `${items} action item${items === 1 ? '' : 's'}`;
        session.changed(
          incidentShape,
          after,
          `incident/${incidentId} ${after.state}, ${todo}`,
          `rondo get incidents ${incidentId} -p ${after.pipeline}`,
        );
      }, 1),
    );
}
