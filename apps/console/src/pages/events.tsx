import { Button, TextInput, NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { BatchState, type Finding, type LedgerEvent } from '@rondo/contracts';
import { useState, type ReactNode } from 'react';
import { api } from '../api/client.js';
import { reads } from '../api/queries.js';
import { RoleButton } from '../app/who.js';
import { formatCount } from '../model/format.js';
import { batchOf, fateOf, severityWord, spaced, statusOf } from '../model/words.js';
import { CopyButton } from '../ui/copy.js';
import { Card, Page, Table } from '../ui/layout.js';
import { CycleLink } from '../ui/links.js';
import { ReasonDialog } from '../ui/reason-dialog.js';
import { Empty, Loaded } from '../ui/states.js';
import { Status } from '../ui/status.js';
import { Ago, At } from '../ui/time.js';

const route = getRouteApi('/pipelines/$pipeline/events');
const FATES = ['Pending', 'Scheduled', 'Caused', 'Merged', 'Held', 'Ignored', 'Quarantined', 'Rejected', 'Failed'];

function Samples({ samples }: { readonly samples: readonly string[] }): ReactNode {
  if (samples.length === 0) return null;
  return (
    <details>
      <summary>{samples.length === 1 ? 'One sample row' : `${String(samples.length)} sample rows`}</summary>
      <pre className="rd-code" data-wrap="true" tabIndex={0} aria-label="Sample rows">
        {samples.join('\n')}
      </pre>
    </details>
  );
}

function Findings({ findings }: { readonly findings: readonly Finding[] }): ReactNode {
  return (
    <Table caption="Findings" head={['Finding', 'Column', 'Rule', 'Rows', 'What was found']}>
      {findings.map((finding, index) => (
        <tr key={index}>
          <td className="rd-nowrap">
            <code>{finding.code}</code>
            <div className="rd-muted">{severityWord(finding.severity)}</div>
          </td>
          <td>
            <code>{finding.field || '–'}</code>
          </td>
          <td>
            <code>{finding.rule || '–'}</code>
          </td>
          <td className="rd-nowrap">{finding.count > 0n ? formatCount(finding.count) : '–'}</td>
          <td className="rd-words">
            {finding.message}
            <Samples samples={finding.samplesJson} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Quarantine({ event }: { readonly event: LedgerEvent }): ReactNode {
  const batch = useQuery({ ...reads.batch(event.pipeline, event.batchId), enabled: event.batchId !== '' });
  const [opened, setOpened] = useState<'release' | 'reject'>();
  const findings = batch.data?.findings ?? event.findings;
  const quarantined = batch.data?.state === BatchState.QUARANTINED;
  const args = { pipeline: event.pipeline, batchId: event.batchId, etag: batch.data?.etag ?? '' };
  return (
    <div className="rd-stack">
      <div className="rd-row">
        {batch.data !== undefined && <Status of={batchOf(batch.data.state)} />}
        {batch.data !== undefined && <span className="rd-muted">{formatCount(batch.data.rows)} rows</span>}
        {batch.data !== undefined && (
          <CopyButton text={batch.data.uri} label="Copy address">
            <code>{batch.data.uri.split('/').at(-1)}</code>
          </CopyButton>
        )}
        {quarantined && (
          <RoleButton needs="operator" onClick={() => setOpened('release')}>
            Release…
          </RoleButton>
        )}
        {quarantined && (
          <RoleButton needs="operator" danger onClick={() => setOpened('reject')}>
            Reject…
          </RoleButton>
        )}
        {batch.data?.decidedBy !== undefined && (
          <span className="rd-muted">
            decided by {batch.data.decidedBy.id}: {batch.data.reason}
          </span>
        )}
      </div>
      <Findings findings={findings} />
      <ReasonDialog
        opened={opened === 'release'}
        onClose={() => setOpened(undefined)}
        title="Release the batch from quarantine"
        does={[
          'Its rows become ready, findings and all, and may start a cycle.',
          'Snapshots made from now on contain them; models trained on them keep them.',
        ]}
        confirm="Release"
        act={(reason, requestId) => api.data.releaseBatch({ ...args, reason, requestId })}
        done="The batch was released."
      />
      <ReasonDialog
        opened={opened === 'reject'}
        onClose={() => setOpened(undefined)}
        title="Reject the batch"
        does={[
          'Its rows are never used. This is final.',
          'Upstream may announce a corrected copy; that is another batch.',
        ]}
        confirm="Reject"
        danger
        act={(reason, requestId) => api.data.rejectBatch({ ...args, reason, requestId })}
        done="The batch was rejected."
      />
    </div>
  );
}

function EventRow({ event }: { readonly event: LedgerEvent }): ReactNode {
  const detailed = event.fate === 'Quarantined' || event.findings.length > 0;
  return (
    <>
      <tr id={event.eventId}>
        <td>
          <Status of={fateOf(event.fate, event.reason)} />
        </td>
        <td className="rd-words">
          <div>{event.summary}</div>
          <div className="rd-muted">{event.explanation || spaced(event.reason)}</div>
        </td>
        <td>
          {event.cycleNumber > 0 ? (
            <CycleLink pipeline={event.pipeline} number={event.cycleNumber} />
          ) : (
            <span className="rd-muted">nothing</span>
          )}
        </td>
        <td className="rd-nowrap">
          <At at={event.eventTime} />
        </td>
        <td className="rd-nowrap">
          <Ago at={event.receivedAt} />
        </td>
        <td>
          <CopyButton text={event.eventId} label="Copy event id">
            <code>{event.eventId.slice(0, 14)}</code>
          </CopyButton>
          <div className="rd-muted">{event.source}</div>
        </td>
      </tr>
      {detailed && (
        <tr>
          <td colSpan={6}>
            <Quarantine event={event} />
          </td>
        </tr>
      )}
    </>
  );
}

function Filters(): ReactNode {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <form className="rd-filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <NativeSelect
        label="Fate"
        value={search.fate ?? ''}
        onChange={(event) =>
          void navigate({
            search: {
              ...(search.q !== undefined && { q: search.q }),
              ...(event.currentTarget.value !== '' && { fate: event.currentTarget.value }),
            },
            replace: true,
          })
        }
        data={[
          { value: '', label: 'Every fate' },
          ...FATES.map((fate) => ({ value: fate, label: statusOf(fate).word })),
        ]}
      />
      <TextInput
        label="On this page, containing"
        value={search.q ?? ''}
        onChange={(event) => {
          const { q: _q, ...rest } = search;
          void navigate({
            search: { ...rest, ...(event.currentTarget.value !== '' && { q: event.currentTarget.value }) },
            replace: true,
          });
        }}
      />
    </form>
  );
}

function NoEvents({ pipeline, filtered }: { readonly pipeline: string; readonly filtered: boolean }): ReactNode {
  if (!filtered) {
    return (
      <Empty title="No event has ever arrived.">
        Announce data with a CloudEvent to <code>/v1/events</code>, or with <code>rondo event send</code>.
      </Empty>
    );
  }
  return (
    <Empty title="No event matches the filter.">
      <Link to="/pipelines/$pipeline/events" params={{ pipeline }}>
        Show every event
      </Link>
    </Empty>
  );
}

function Pager({ next }: { readonly next: string }): ReactNode {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { page, ...newest } = search;
  if (page === undefined && next === '') return null;
  return (
    <div className="rd-pager">
      {page !== undefined && (
        <Button size="xs" variant="default" onClick={() => void navigate({ search: newest })}>
          Newest
        </Button>
      )}
      {next !== '' && (
        <Button size="xs" variant="default" onClick={() => void navigate({ search: { ...search, page: next } })}>
          Older
        </Button>
      )}
    </div>
  );
}

function Ledger({ pipeline }: { readonly pipeline: string }): ReactNode {
  const search = route.useSearch();
  const events = useQuery(reads.events(pipeline, search.fate ?? '', search.page ?? ''));
  const needle = (search.q ?? '').toLowerCase();
  const matches = (event: LedgerEvent): boolean =>
    [event.summary, event.explanation, event.eventId, event.source, event.batchId].some((words) =>
      words.toLowerCase().includes(needle),
    );
  const total = events.data?.total ?? 0n;
  const note = events.data && `${formatCount(total)} in all, ${formatCount(events.data.pending)} pending`;
  return (
    <Card title="Events" note={note} flush>
      <Loaded query={events} lines={6}>
        {(data) => {
          const shown = data.events.filter(matches);
          if (shown.length === 0)
            return <NoEvents pipeline={pipeline} filtered={search.fate !== undefined || needle !== ''} />;
          return (
            <>
              <Table
                caption="Events"
                head={['Fate', 'Event and reason', 'Cycle', 'Event time', 'Received', 'Id and source']}
              >
                {shown.map((event) => (
                  <EventRow key={`${event.kind}/${event.eventId}`} event={event} />
                ))}
              </Table>
              <Pager next={data.nextPageToken} />
            </>
          );
        }}
      </Loaded>
    </Card>
  );
}

/** Every event that reached the pipeline, and its one fate. */
export function EventsPage(): ReactNode {
  const { pipeline } = route.useParams();
  return (
    <Page
      title="Event ledger"
      documentTitle={`Events of ${pipeline}`}
      above={
        <Link to="/pipelines/$pipeline" params={{ pipeline }}>
          {pipeline}
        </Link>
      }
      lead="What upstream systems and monitors reported. Every event has exactly one fate, and the reason is written beside it."
    >
      <Filters />
      <Ledger pipeline={pipeline} />
    </Page>
  );
}
