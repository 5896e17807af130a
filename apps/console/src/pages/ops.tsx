import { useQuery } from '@tanstack/react-query';
import type { ParkedMessage } from '@rondo/contracts';
import { useState, type ReactNode } from 'react';
import { api } from '../api/client.js';
import { reads } from '../api/queries.js';
import { RoleButton } from '../app/who.js';
import { Digest } from '../ui/copy.js';
import { Card, Facts, Page, Table } from '../ui/layout.js';
import { ReasonDialog } from '../ui/reason-dialog.js';
import { Empty, Loaded } from '../ui/states.js';
import { Ago } from '../ui/time.js';

function Parked({ message }: { readonly message: ParkedMessage }): ReactNode {
  const [replaying, setReplaying] = useState(false);
  return (
    <tr>
      <td className="rd-nowrap">
        <code>{message.type.split('.').at(-1)}</code>
        <div className="rd-muted">
          {message.consumer} ← {message.topic}
        </div>
      </td>
      <td className="rd-words">
        {message.reason}
        <details>
          <summary>Content</summary>
          <pre className="rd-code" data-wrap="true" tabIndex={0} aria-label="Content of the message">
            {message.payloadJson}
          </pre>
        </details>
      </td>
      <td>{message.key}</td>
      <td className="rd-nowrap">{message.attempts}</td>
      <td className="rd-nowrap">
        <Ago at={message.parkedAt} />
      </td>
      <td>
        <Digest value={message.id} label="Copy message id" />
      </td>
      <td>
        <RoleButton needs="operator" onClick={() => setReplaying(true)}>
          Replay…
        </RoleButton>
        <ReasonDialog
          opened={replaying}
          onClose={() => setReplaying(false)}
          title="Replay the parked message"
          does={[
            'Hands the message to its consumer again, with the same id: what it already did is not done twice.',
            'When it fails again it comes back here.',
          ]}
          confirm="Replay"
          act={(reason) => api.operations.replayParked({ id: message.id, reason })}
          done="The message was handed over again."
        />
      </td>
    </tr>
  );
}

/** The engine room. */
export function OpsPage(): ReactNode {
  const parked = useQuery(reads.parked());
  const who = useQuery(reads.whoAmI());
  return (
    <Page
      title="Operations"
      documentTitle="Operations"
      lead="Messages that could not be handled, and who and what this is."
    >
      <Card title="Parked messages" flush>
        <Loaded query={parked}>
          {({ messages }) =>
            messages.length === 0 ? (
              <Empty title="No message is parked.">
                A message that keeps failing is set aside here with its reason; nothing is lost.
              </Empty>
            ) : (
              <Table
                caption="Parked messages"
                head={['Message', 'Why it was parked', 'Key', 'Attempts', 'Parked', 'Id', 'Action']}
              >
                {messages.map((message) => (
                  <Parked key={message.id} message={message} />
                ))}
              </Table>
            )
          }
        </Loaded>
      </Card>
      <Card title="This server">
        <Loaded query={who}>
          {(data) => (
            <Facts
              items={[
                ['You are', data.principal],
                ['Your roles', data.roles.join(', ')],
                ['Version', data.version],
                ['Mode', data.mode],
              ]}
            />
          )}
        </Loaded>
      </Card>
    </Page>
  );
}
