import { Link } from '@tanstack/react-router';
import type { Pipeline } from '@rondo/contracts';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { api } from '../../api/client.js';
import { RoleButton } from '../../app/who.js';
import { ReasonDialog } from '../../ui/reason-dialog.js';

type Opened = 'hold' | 'release' | 'trigger' | undefined;

function HoldDialog({
  pipeline,
  opened,
  onClose,
}: {
  readonly pipeline: Pipeline;
  readonly opened: boolean;
  readonly onClose: () => void;
}): ReactNode {
  const [until, setUntil] = useState('');
  const untilMs = until === '' ? undefined : Date.parse(`${until}Z`);
  return (
    <ReasonDialog
      opened={opened}
      onClose={onClose}
      title={`Hold automatic cycles of ${pipeline.name}`}
      does={[
        'No cycle starts by itself until someone releases the hold, or until the time below.',
        'A cycle that runs goes on; the champion keeps serving.',
        'A cycle by hand may still be started.',
      ]}
      extra={
        <TextInput
          type="datetime-local"
          label="Hold until (UTC)"
          description="Empty: until someone releases it."
          value={until}
          onChange={(event) => setUntil(event.currentTarget.value)}
          mb="sm"
        />
      }
      confirm="Hold"
      act={(reason, requestId) =>
        api.pipelines.holdAutomaticCycles({
          pipeline: pipeline.name,
          reason,
          requestId,
          etag: pipeline.etag,
          ...(untilMs !== undefined && { until: timestampFromMs(untilMs) }),
        })
      }
      done="Automatic cycles are held."
    />
  );
}

/** Hold, release, start by hand, and the way to the ledger. */
export function PipelineActions({ pipeline }: { readonly pipeline: Pipeline }): ReactNode {
  const [opened, setOpened] = useState<Opened>();
  const close = (): void => setOpened(undefined);
  return (
    <>
      <Link to="/pipelines/$pipeline/events" params={{ pipeline: pipeline.name }}>
        Event ledger
      </Link>
      {pipeline.held ? (
        <RoleButton needs="operator" onClick={() => setOpened('release')}>
          Release hold…
        </RoleButton>
      ) : (
        <RoleButton needs="operator" onClick={() => setOpened('hold')}>
          Hold automatic cycles…
        </RoleButton>
      )}
      <RoleButton needs="operator" onClick={() => setOpened('trigger')} hint="Asks for a reason first">
        Start a cycle…
      </RoleButton>
      <HoldDialog pipeline={pipeline} opened={opened === 'hold'} onClose={close} />
      <ReasonDialog
        opened={opened === 'release'}
        onClose={close}
        title={`Release the hold of ${pipeline.name}`}
        does={['Cycles may start by themselves again, from the next event on.', `The hold was: ${pipeline.holdReason}`]}
        confirm="Release"
        act={(reason, requestId) =>
          api.pipelines.releaseAutomaticCycles({ pipeline: pipeline.name, reason, requestId, etag: pipeline.etag })
        }
        done="Automatic cycles may start again."
      />
      <ReasonDialog
        opened={opened === 'trigger'}
        onClose={close}
        title={`Start a cycle of ${pipeline.name} by hand`}
        does={[
          'Prepares data, trains, evaluates and asks for approval as the document says.',
          'Cool-downs do not apply; every other rule does, and the answer names the rule when it does not start.',
          'No traffic moves before evaluation and approval.',
        ]}
        confirm="Start cycle"
        act={(reason, requestId) => api.cycles.triggerCycle({ pipeline: pipeline.name, reason, requestId })}
        done="The request was decided; see the newest decision."
      />
    </>
  );
}
