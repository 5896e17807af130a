import type { ChangeAttribution, Estimate, FeatureSegmentAttribution, SegmentAttribution } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { Forest, type ForestRow } from '../../charts/forest.js';
import { formatCount, formatSigned } from '../../model/format.js';
import { intervalText } from '../../ui/estimate.js';

const told = (of: Estimate): string =>
  `${formatSigned(of.value)} [${intervalText(of, formatSigned)}, n = ${formatCount(of.n)}]`;

function rowOf(
  { segment, rows }: SegmentAttribution | FeatureSegmentAttribution,
  of: Estimate | undefined,
): ForestRow[] {
  if (of === undefined) return [];
  const { value, lower, upper } = of;
  const bounds = { ...(lower !== undefined && { lower }), ...(upper !== undefined && { upper }) };
  return [{ name: segment, value, n: Number(rows), ...bounds }];
}

/** Where in the features the log loss rose more than elsewhere; nothing when rows could not be joined with their features. */
function Features({ of: { features } }: { readonly of: ChangeAttribution }): ReactNode {
  if (features === undefined) return null;
  const { segments, tested, rows } = features;
  const searched = `${String(tested)} segments of features, ${formatCount(rows)} rows`;
  if (segments.length === 0)
    return <p className="rd-muted">By feature: no segment is known to have got worse than the others ({searched}).</p>;
  return (
    <Forest
      title="Where it got worse, by feature"
      summary={`What segments added to the log loss by not changing as the others did; found among ${searched}, false discoveries controlled.`}
      rows={segments.flatMap((segment) => rowOf(segment, segment.excess))}
      ends={['better', 'worse']}
    />
  );
}

/** Where the champion's log loss differs from earlier windows: in the rows that come, or in how like rows end. */
export function Attribution({ of }: { readonly of: ChangeAttribution | undefined }): ReactNode {
  if (of?.change === undefined || of.mix === undefined || of.rate === undefined) return null;
  return (
    <>
      <Forest
        title="What changed since earlier windows, by score"
        summary={`Log loss ${told(of.change)}: ${told(of.mix)} because other rows came, ${told(of.rate)} because like rows ended otherwise, which is shown by score.`}
        rows={of.segments.flatMap((segment) => rowOf(segment, segment.rate))}
        ends={['better', 'worse']}
      />
      <Features of={of} />
    </>
  );
}
