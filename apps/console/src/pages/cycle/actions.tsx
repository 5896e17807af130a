import type { Cycle } from '@rondo/contracts';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { api } from '../../api/client.js';
import { reads } from '../../api/queries.js';
import { RoleButton } from '../../app/who.js';
import { statusOf } from '../../model/words.js';
import { ReasonDialog } from '../../ui/reason-dialog.js';

/** Cancel a cycle that runs; run a failed step again. */
export function CycleActions({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const client = useQueryClient();
  const [opened, setOpened] = useState<'cancel' | 'retry'>();
  const close = (): void => setOpened(undefined);
  const changedSince = async (): Promise<readonly string[]> => {
    const now = await client.fetchQuery({ ...reads.cycle(cycle.pipeline, cycle.number), staleTime: 0 });
    return now.phase === cycle.phase
      ? []
      : [`It was ${statusOf(cycle.phase).word}; now it is ${statusOf(now.result || now.phase).word}.`];
  };
  const args = { cycleId: cycle.cycleId, etag: cycle.etag };
  return (
    <>
      {cycle.failedStep !== '' && (
        <RoleButton needs="operator" onClick={() => setOpened('retry')}>
          Run {cycle.failedStep} again…
        </RoleButton>
      )}
      {cycle.result === '' && (
        <RoleButton needs="operator" onClick={() => setOpened('cancel')}>
          Cancel cycle…
        </RoleButton>
      )}
      <ReasonDialog
        opened={opened === 'cancel'}
        onClose={close}
        title={`Cancel cycle ${String(cycle.number)} of ${cycle.pipeline}`}
        does={[
          'Ends the cycle; work that runs for it is stopped.',
          cycle.phase === 'RollingOut'
            ? 'The rollout is rolled back: all traffic returns to the champion.'
            : 'No traffic moves; the champion keeps serving.',
          'A later cycle starts from the beginning.',
        ]}
        confirm="Cancel the cycle"
        danger
        changedSince={changedSince}
        act={(reason, requestId) => api.cycles.cancelCycle({ ...args, reason, requestId })}
        done="The cycle was cancelled."
      />
      <ReasonDialog
        opened={opened === 'retry'}
        onClose={close}
        title={`Run the step ${cycle.failedStep} again`}
        does={[`Runs ${cycle.failedStep} once more with the same inputs; finished steps are kept.`]}
        confirm="Run again"
        changedSince={changedSince}
        act={(reason, requestId) => api.cycles.retryStep({ ...args, reason, requestId })}
        done="The step runs again."
      />
    </>
  );
}
