import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { VerifyAuditResponse } from '@rondo/contracts';
import { useState, type FormEvent, type ReactNode } from 'react';
import { api } from '../api/client.js';
import { problemOf, type Problem } from '../api/errors.js';
import { reads } from '../api/queries.js';
import { formatCount } from '../model/format.js';
import { Card, Page } from '../ui/layout.js';
import { Empty, Loaded, ProblemNote } from '../ui/states.js';
import { Status } from '../ui/status.js';
import { AuditTable } from './audit-table.js';

const route = getRouteApi('/audit');

function Verify(): ReactNode {
  const [answer, setAnswer] = useState<VerifyAuditResponse>();
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const verify = async (): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      setAnswer(await api.audit.verifyAudit({}));
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card
      title="Is it unaltered?"
      actions={
        <Button size="xs" variant="default" loading={busy} onClick={() => void verify()}>
          Verify every hash
        </Button>
      }
    >
      <div aria-live="polite">
        {answer === undefined && problem === undefined && (
          <p className="rd-muted">
            Each entry carries the hash of the one before it. Verifying computes all of them again.
          </p>
        )}
        {problem !== undefined && <ProblemNote problem={problem} />}
        {answer !== undefined && (
          <p className="rd-row">
            <Status
              of={answer.intact ? { tone: 'good', word: 'intact' } : { tone: 'bad', word: 'altered' }}
              size="lg"
            />
            {formatCount(answer.entries)} entries in {formatCount(answer.streams)} streams. {answer.explanation}
            {!answer.intact && (
              <>
                {' '}
                First broken entry: <code>{answer.brokenAt}</code>
              </>
            )}
          </p>
        )}
      </div>
    </Card>
  );
}

function Filters(): ReactNode {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const apply = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const entries = ['pipeline', 'cycle', 'actor'].flatMap((name) => {
      const value = data.get(name);
      return typeof value === 'string' && value.trim() !== '' ? [[name, value.trim()] as const] : [];
    });
    void navigate({ search: Object.fromEntries(entries) });
  };
  return (
    <form className="rd-filters" role="search" onSubmit={apply} key={JSON.stringify(search)}>
      <TextInput name="pipeline" label="Pipeline" defaultValue={search.pipeline ?? ''} />
      <TextInput name="cycle" label="Cycle id" defaultValue={search.cycle ?? ''} />
      <TextInput name="actor" label="Actor" defaultValue={search.actor ?? ''} />
      <Button type="submit" variant="default">
        Filter
      </Button>
    </form>
  );
}

/** Who did what, when, in the order it was written. */
export function AuditPage(): ReactNode {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const query = useQuery(
    reads.audit({
      pipeline: search.pipeline ?? '',
      cycleId: search.cycle ?? '',
      actor: search.actor ?? '',
      pageToken: search.page ?? '',
    }),
  );
  const filtered = search.pipeline !== undefined || search.actor !== undefined || search.cycle !== undefined;
  return (
    <Page title="Audit" documentTitle="Audit" lead="Every decision, override and refusal, by whom and when.">
      <Verify />
      <Filters />
      <Card title="Entries" flush>
        <Loaded query={query} lines={6}>
          {(data) =>
            data.entries.length === 0 ? (
              <Empty title={filtered ? 'No entry matches the filter.' : 'Nothing has been written yet.'}>
                {filtered && <Link to="/audit">Show every entry</Link>}
              </Empty>
            ) : (
              <>
                <AuditTable entries={data.entries} />
                {(search.page !== undefined || data.nextPageToken !== '') && (
                  <div className="rd-pager">
                    {search.page !== undefined && (
                      <Button
                        size="xs"
                        variant="default"
                        onClick={() => {
                          const { page: _page, ...rest } = search;
                          void navigate({ search: rest });
                        }}
                      >
                        First page
                      </Button>
                    )}
                    {data.nextPageToken !== '' && (
                      <Button
                        size="xs"
                        variant="default"
                        onClick={() => void navigate({ search: { ...search, page: data.nextPageToken } })}
                      >
                        More
                      </Button>
                    )}
                  </div>
                )}
              </>
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}
