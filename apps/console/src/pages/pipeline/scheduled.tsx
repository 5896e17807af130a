import type { Pipeline } from '@rondo/contracts';
import { useState, type ReactNode } from 'react';
import { api } from '../../api/client.js';
import { RoleButton } from '../../app/who.js';
import { seriesTitle } from '../../model/words.js';
import { ReasonDialog } from '../../ui/reason-dialog.js';
import { At } from '../../ui/time.js';

/** The day a forecast put a cycle on, and the way to take it off. */
export function Scheduled({ pipeline }: { readonly pipeline: Pipeline }): ReactNode {
  const [opened, setOpened] = useState(false);
  const scheduled = pipeline.scheduledCycle;
  if (scheduled === undefined) return null;
  return (
    <>
      <p>
        A cycle is scheduled for <At at={scheduled.notBefore} /> (policy time): trigger {scheduled.trigger}, by a
        forecast of {seriesTitle(scheduled.series)}. It starts if the newest forecast still calls for it then.{' '}
        <RoleButton needs="operator" onClick={() => setOpened(true)}>
          Take it off…
        </RoleButton>
      </p>
      <ReasonDialog
        opened={opened}
        onClose={() => setOpened(false)}
        title={`Take the scheduled cycle of ${pipeline.name} off its day`}
        does={[
          'The cycle does not start on that day, and no forecast schedules one before it.',
          'Other triggers and cycles by hand are not held.',
        ]}
        confirm="Take it off"
        act={(reason, requestId) => api.pipelines.cancelScheduledCycle({ pipeline: pipeline.name, reason, requestId })}
        done="No cycle is scheduled any more."
      />
    </>
  );
}
