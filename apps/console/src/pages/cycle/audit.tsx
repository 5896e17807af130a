import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Cycle } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../../api/queries.js';
import { Card } from '../../ui/layout.js';
import { Empty, Loaded } from '../../ui/states.js';
import { AuditTable } from '../audit-table.js';

/** Everything that was written down about the cycle. */
export function AuditTab({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const query = useQuery(reads.audit({ pipeline: cycle.pipeline, cycleId: cycle.cycleId, actor: '', pageToken: '' }));
  return (
    <Card
      title="Audit entries of this cycle"
      actions={
        <Link to="/audit" search={{ pipeline: cycle.pipeline, cycle: cycle.cycleId }}>
          All of them, with filters
        </Link>
      }
      flush
    >
      <Loaded query={query}>
        {({ entries }) =>
          entries.length === 0 ? (
            <Empty title="Nothing has been written about this cycle." />
          ) : (
            <AuditTable entries={entries} />
          )
        }
      </Loaded>
    </Card>
  );
}
