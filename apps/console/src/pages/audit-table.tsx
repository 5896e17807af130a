import type { AuditEntry } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { Digest } from '../ui/copy.js';
import { Table } from '../ui/layout.js';
import { Ago } from '../ui/time.js';

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

/** Entries in the order they were written, with the content one click away. */
export function AuditTable({ entries }: { readonly entries: readonly AuditEntry[] }): ReactNode {
  return (
    <Table caption="Audit entries" head={['Position', 'What', 'Who', 'When', 'Stream', 'Hash', 'Trace']}>
      {entries.map((entry) => (
        <tr key={`${entry.service}-${String(entry.position)}`}>
          <td className="rd-nowrap">
            {String(entry.position)}
            <div className="rd-muted">{entry.service}</div>
          </td>
          <td className="rd-words">
            <details>
              <summary>{entry.type.split('.').at(-1)}</summary>
              <pre
                className="rd-code"
                data-wrap="true"
                tabIndex={0}
                aria-label={`Content of entry ${String(entry.position)}`}
              >
                {pretty(entry.payloadJson)}
              </pre>
            </details>
          </td>
          <td>{entry.actor}</td>
          <td className="rd-nowrap">
            <Ago at={entry.at} />
          </td>
          <td>
            <code>{entry.stream}</code> <span className="rd-muted">v{String(entry.version)}</span>
          </td>
          <td>
            <Digest value={entry.hash} label="Copy hash" />
          </td>
          <td>
            {entry.traceId === '' ? (
              <span className="rd-muted">none</span>
            ) : (
              <Digest value={entry.traceId} label="Copy trace id" />
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}
