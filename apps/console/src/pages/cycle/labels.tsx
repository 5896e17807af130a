import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Verdict, type Cycle, type LabelCampaign } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../../api/queries.js';
import { formatCount } from '../../model/format.js';
import { spaced, statusOf, verdictOf } from '../../model/words.js';
import { Estimate } from '../../ui/estimate.js';
import { Card, Facts } from '../../ui/layout.js';
import { Empty, Loaded } from '../../ui/states.js';
import { Status } from '../../ui/status.js';
import { Ago } from '../../ui/time.js';

function Campaign({ campaign }: { readonly campaign: LabelCampaign }): ReactNode {
  return (
    <>
      <p className="rd-row">
        <Status of={statusOf(campaign.state)} /> {campaign.question}
      </p>
      <Facts
        items={[
          ['Rows', formatCount(campaign.tasks)],
          ['Answered', formatCount(campaign.answered)],
          ['Skipped', formatCount(campaign.skipped)],
          ['People per row', formatCount(campaign.answersPerTask)],
          ['Opened', <Ago key="o" at={campaign.openedAt} />],
          ['Due', <Ago key="d" at={campaign.dueAt} />],
          ...(campaign.closeReason === '' ? [] : [['Closed because', spaced(campaign.closeReason)] as const]),
          ...(campaign.verdict === Verdict.UNSPECIFIED
            ? []
            : [['Good enough', <Status key="v" of={verdictOf(campaign.verdict)} />] as const]),
        ]}
      />
      {campaign.explanation !== '' && <p>{campaign.explanation}</p>}
      <div className="rd-stack">
        {campaign.quality.map((quality) => (
          <Estimate key={quality.name} of={quality} withName />
        ))}
      </div>
      {campaign.state === 'Open' && (
        <p>
          <Link to="/label/$campaign" params={{ campaign: campaign.campaignId }}>
            Label now
          </Link>
        </p>
      )}
    </>
  );
}

/** What people labeled for the cycle, and how well they agreed. */
export function LabelsTab({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const query = useQuery(reads.campaigns(cycle.pipeline));
  return (
    <Card title="Label campaign">
      {cycle.campaignId === '' ? (
        <Empty title="No row needed a person's label.">
          The preparation found no row with a reason to review, or has not ended.
        </Empty>
      ) : (
        <Loaded query={query}>
          {({ campaigns }) => {
            const campaign = campaigns.find((c) => c.campaignId === cycle.campaignId);
            return campaign === undefined ? (
              <Empty title="The campaign is no longer kept." />
            ) : (
              <Campaign campaign={campaign} />
            );
          }}
        </Loaded>
      )}
    </Card>
  );
}
