import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { reads } from '../../api/queries.js';
import { Digest } from '../../ui/copy.js';
import { Estimate } from '../../ui/estimate.js';
import { Card, Table } from '../../ui/layout.js';
import { Model } from '../../ui/links.js';
import { Empty, Loaded } from '../../ui/states.js';
import { At } from '../../ui/time.js';

/** Registered versions, and who was champion when and why. */
export function ModelsTab({ pipeline }: { readonly pipeline: string }): ReactNode {
  const query = useQuery(reads.models(pipeline));
  return (
    <Loaded query={query}>
      {({ models, championHistory }) => (
        <div className="rd-page">
          <Card title="Champion over time" flush>
            {championHistory.length === 0 ? (
              <Empty title="No champion yet." />
            ) : (
              <Table caption="Champion over time" head={['Model', 'From', 'Until', 'Moved by', 'Why']}>
                {championHistory.map((entry, index) => (
                  <tr key={index}>
                    <td>
                      <Model of={entry.model} />
                    </td>
                    <td className="rd-nowrap">
                      <At at={entry.since} />
                    </td>
                    <td className="rd-nowrap">{entry.until === undefined ? 'now' : <At at={entry.until} />}</td>
                    <td>{entry.actor?.id ?? 'not known'}</td>
                    <td className="rd-words">{entry.reason}</td>
                  </tr>
                ))}
              </Table>
            )}
          </Card>
          <Card title="Registered versions" flush>
            {models.length === 0 ? (
              <Empty title="No version has been registered." />
            ) : (
              <Table
                caption="Registered versions"
                head={['Model', 'Alias', 'Sealed test', 'Snapshot', 'Model digest', 'Registered']}
              >
                {models.map((version) => (
                  <tr key={version.model?.digest}>
                    <td>
                      <Model of={version.model} />
                    </td>
                    <td>{version.aliases.join(', ') || '–'}</td>
                    <td>
                      {version.metrics.map((metric) => (
                        <div key={metric.name}>
                          <Estimate of={metric} withName />
                        </div>
                      ))}
                    </td>
                    <td>
                      <Digest value={version.snapshotDigest} />
                    </td>
                    <td>
                      <Digest value={version.model?.digest ?? ''} />
                    </td>
                    <td className="rd-nowrap">
                      <At at={version.registeredAt} />
                    </td>
                  </tr>
                ))}
              </Table>
            )}
          </Card>
        </div>
      )}
    </Loaded>
  );
}
