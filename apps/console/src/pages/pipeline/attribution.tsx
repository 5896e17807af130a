import type { ChangeAttribution, Estimate, SegmentAttribution } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { Forest, type ForestRow } from '../../charts/forest.js';
import { formatSigned } from '../../model/format.js';
import { intervalText } from '../../ui/estimate.js';

const told = (of: Estimate): string => `${formatSigned(of.value)} [${intervalText(of, true)}]`;

function rowOf({ segment, rate, rows }: SegmentAttribution): ForestRow[] {
  if (rate === undefined) return [];
  const { value, lower, upper } = rate;
  const bounds = { ...(lower !== undefined && { lower }), ...(upper !== undefined && { upper }) };
  return [{ name: segment, value, n: Number(rows), ...bounds }];
}

/** Where the champion's log loss differs from earlier windows: in the rows that come, or in how like rows end. */
export function Attribution({ of }: { readonly of: ChangeAttribution | undefined }): ReactNode {
  if (of?.change === undefined || of.mix === undefined || of.rate === undefined) return null;
  return (
    <Forest
      title="What changed since earlier windows, by score"
      summary={`Log loss ${told(of.change)}: ${told(of.mix)} because other rows came, ${told(of.rate)} because like rows ended otherwise, which is shown by score.`}
      rows={of.segments.flatMap(rowOf)}
      ends={['better', 'worse']}
    />
  );
}
