import type { Incident } from '@rondo/contracts';
import { Textarea } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { api } from '../api/client.js';
import { RoleButton } from '../app/who.js';
import { CycleLink, PipelineLink } from '../ui/links.js';
import { ReasonDialog } from '../ui/reason-dialog.js';
import { Status } from '../ui/status.js';
import { Ago } from '../ui/time.js';

const POSTMORTEM_SHORTEST = 20;

/** The items of a text, one a line. */
const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** An open incident, and the dialog that closes it with what was learnt. */
export function IncidentItem({ incident }: { readonly incident: Incident }): ReactNode {
  const [closing, setClosing] = useState(false);
  const [actions, setActions] = useState('');
  return (
    <li>
      <Status of={{ tone: 'bad', word: 'incident' }} />
      <div className="rd-item-words">
        <div>
          <PipelineLink pipeline={incident.pipeline} />{' '}
          {incident.cycleNumber > 0 && (
            <CycleLink pipeline={incident.pipeline} number={incident.cycleNumber} tab="rollout" />
          )}
          : close it with a postmortem
        </div>
        <div className="rd-muted">{incident.summary}</div>
      </div>
      <RoleButton needs="operator" onClick={() => setClosing(true)}>
        Close…
      </RoleButton>
      <span className="rd-item-end">
        <Ago at={incident.openedAt} />
      </span>
      <ReasonDialog
        opened={closing}
        onClose={() => setClosing(false)}
        title="Close the incident"
        does={[
          'Records the postmortem and the action items in the audit and closes the incident.',
          'It does not start a cycle and does not move traffic.',
        ]}
        confirm="Close incident"
        reasonLabel="Postmortem: what happened, why, and what changes"
        shortest={POSTMORTEM_SHORTEST}
        extra={
          <Textarea
            label="Action items"
            description="What is to be done, one a line; may be empty."
            value={actions}
            onChange={(event) => setActions(event.currentTarget.value)}
            rows={2}
            maxLength={20_000}
            mb="sm"
          />
        }
        act={(postmortem, requestId) =>
          api.incidents.closeIncident({
            incidentId: incident.incidentId,
            postmortem,
            actionItems: linesOf(actions),
            requestId,
          })
        }
        done="Incident closed."
      />
    </li>
  );
}
