import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Verdict, type LabelCampaign } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../api/queries.js';
import { formatCount } from '../model/format.js';
import { spaced, statusOf, verdictOf } from '../model/words.js';
import { Estimate } from '../ui/estimate.js';
import { Card, Page, Table } from '../ui/layout.js';
import { PipelineLink } from '../ui/links.js';
import { Empty, Loaded } from '../ui/states.js';
import { Status } from '../ui/status.js';
import { Ago } from '../ui/time.js';
import { AnnotatorsCard } from './label/annotators.js';

function Row({ campaign }: { readonly campaign: LabelCampaign }): ReactNode {
  return (
    <tr>
      <td>
        <Status of={statusOf(campaign.state)} />
      </td>
      <td className="rd-words">
        {campaign.state === 'Open' ? (
          <Link to="/label/$campaign" params={{ campaign: campaign.campaignId }}>
            {campaign.question}
          </Link>
        ) : (
          campaign.question
        )}
        <div className="rd-muted">
          <PipelineLink pipeline={campaign.pipeline} />
        </div>
      </td>
      <td className="rd-nowrap">
        {formatCount(campaign.answered)} of {formatCount(campaign.tasks)}
        {campaign.skipped > 0 && <div className="rd-muted">{formatCount(campaign.skipped)} skipped</div>}
      </td>
      <td>
        {campaign.quality.length === 0 ? (
          <span className="rd-muted">not measured yet</span>
        ) : (
          campaign.quality.map((quality) => (
            <div key={quality.name}>
              <Estimate of={quality} withName />
            </div>
          ))
        )}
      </td>
      <td className="rd-words">
        {campaign.state === 'Open' ? (
          <>
            due <Ago at={campaign.dueAt} />
          </>
        ) : (
          <>
            {spaced(campaign.closeReason)}{' '}
            {campaign.verdict !== Verdict.UNSPECIFIED && <Status of={verdictOf(campaign.verdict)} />}
          </>
        )}
        {campaign.explanation !== '' && <div className="rd-muted rd-words">{campaign.explanation}</div>}
      </td>
    </tr>
  );
}

/** Campaigns that wait for labels, and the closed ones with their quality. */
export function CampaignsPage(): ReactNode {
  const query = useQuery(reads.campaigns());
  return (
    <Page
      title="Label"
      documentTitle="Label"
      lead="Rows that need a person's judgement before a model learns from them."
    >
      <Card title="Campaigns" flush>
        <Loaded query={query}>
          {({ campaigns }) =>
            campaigns.length === 0 ? (
              <Empty title="There is nothing to label.">
                A campaign opens when a cycle's data has rows with a reason to review.
              </Empty>
            ) : (
              <Table
                caption="Label campaigns"
                head={['State', 'Question', 'Answered', 'Quality', 'Due, or why it closed']}
              >
                {campaigns
                  .toSorted((a, b) => Number(b.state === 'Open') - Number(a.state === 'Open'))
                  .map((campaign) => (
                    <Row key={campaign.campaignId} campaign={campaign} />
                  ))}
              </Table>
            )
          }
        </Loaded>
      </Card>
      <AnnotatorsCard />
    </Page>
  );
}
