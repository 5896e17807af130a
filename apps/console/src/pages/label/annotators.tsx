import { useQuery } from '@tanstack/react-query';
import type { Annotator } from '@rondo/contracts';
import { useState, type ReactNode } from 'react';
import { api } from '../../api/client.js';
import { reads } from '../../api/queries.js';
import { RoleButton } from '../../app/who.js';
import { formatCount } from '../../model/format.js';
import { statusOf } from '../../model/words.js';
import { Estimate } from '../../ui/estimate.js';
import { Card, Table } from '../../ui/layout.js';
import { PipelineLink } from '../../ui/links.js';
import { ReasonDialog } from '../../ui/reason-dialog.js';
import { Status } from '../../ui/status.js';
import { Ago } from '../../ui/time.js';

/** What gold tasks show of an annotator, and what is still missing for a conclusion. */
export function GoldSkill({ annotator }: { readonly annotator: Annotator }): ReactNode {
  const { accuracy, goldTasksNeeded, explanation } = annotator;
  return (
    <>
      {accuracy === undefined ? <span className="rd-muted">no gold task yet</span> : <Estimate of={accuracy} />}
      {explanation !== '' && <div>{explanation}</div>}
      {explanation === '' && goldTasksNeeded > 0 && (
        <div className="rd-muted">{formatCount(goldTasksNeeded)} more before anything is concluded</div>
      )}
    </>
  );
}

function Row({ annotator, onResume }: { readonly annotator: Annotator; readonly onResume: () => void }): ReactNode {
  return (
    <tr>
      <td className="rd-nowrap">
        <span className="rd-strong">{annotator.annotator}</span>
        <div className="rd-muted">
          <PipelineLink pipeline={annotator.pipeline} />
        </div>
      </td>
      <td>
        <Status of={statusOf(annotator.state)} />
        {annotator.pausedAt && (
          <div className="rd-muted">
            <Ago at={annotator.pausedAt} />
          </div>
        )}
      </td>
      <td className="rd-words">
        <GoldSkill annotator={annotator} />
      </td>
      <td>{formatCount(annotator.answered)}</td>
      <td>
        {annotator.state === 'Paused' && (
          <RoleButton needs="operator" onClick={onResume}>
            Let go on…
          </RoleButton>
        )}
      </td>
    </tr>
  );
}

/** Annotators with what gold tasks show of them; nothing where no pipeline has gold tasks. */
export function AnnotatorsCard(): ReactNode {
  const { data } = useQuery(reads.annotators());
  const [chosen, setChosen] = useState<Annotator>();
  if (data === undefined || data.annotators.length === 0) return null;
  return (
    <Card title="Annotators" flush>
      <Table caption="Annotators" head={['Annotator', 'State', 'Gold tasks right', 'Answered', 'Decision']}>
        {data.annotators.map((annotator) => (
          <Row
            key={`${annotator.pipeline}/${annotator.annotator}`}
            annotator={annotator}
            onResume={() => setChosen(annotator)}
          />
        ))}
      </Table>
      <ReasonDialog
        opened={chosen !== undefined}
        onClose={() => setChosen(undefined)}
        title={`Let ${chosen?.annotator ?? ''} go on`}
        does={[
          'They get tasks again at once.',
          'Their gold tasks are counted anew; what they answered before stays as it is.',
        ]}
        confirm="Let go on"
        act={(reason, requestId) =>
          api.labeling.resumeAnnotator({
            pipeline: chosen?.pipeline ?? '',
            annotator: chosen?.annotator ?? '',
            reason,
            requestId,
          })
        }
        done="They may go on."
      />
    </Card>
  );
}
