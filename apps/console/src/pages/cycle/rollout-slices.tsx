import type { AnalysisResult, SliceResults } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { formatCount, formatNumber, formatSigned } from '../../model/format.js';
import type { StatusWord } from '../../model/words.js';
import { Estimate } from '../../ui/estimate.js';
import { Card, Table } from '../../ui/layout.js';
import { Empty } from '../../ui/states.js';
import { Status } from '../../ui/status.js';

const HARMED: StatusWord = { tone: 'bad', word: 'harm shown' };
const UNHARMED: StatusWord = { tone: 'quiet', word: 'no harm shown' };

function noteOf({ total, checked, minSamples }: SliceResults): string {
  const few = total - checked;
  const rest = few === 0 ? '' : `, ${String(few)} have fewer than ${formatCount(minSamples)} labels`;
  return `${String(checked)} of ${String(total)} slices judged${rest}`;
}

/** The slices of an analysis, those with most evidence of harm first. */
export function RolloutSlices({
  result,
  slices,
}: {
  readonly result: AnalysisResult;
  readonly slices: SliceResults;
}): ReactNode {
  const { worst, checked, total, harmed, falseDiscoveryRate } = slices;
  return (
    <Card title={`Slices of ${result.analysis}, worst first`} note={noteOf(slices)} flush>
      {worst.length === 0 ? (
        <Empty title="No slice has enough labels yet.">
          Each needs {formatCount(slices.minSamples)}. Slices never let a step pass sooner.
        </Empty>
      ) : (
        <>
          <Table caption="Slices" head={['Slice', 'Harm', 'Difference', 'e-value']}>
            {worst.map((found) => (
              <tr key={found.difference?.slice}>
                <td className="rd-strong">{found.difference?.slice}</td>
                <td>
                  <Status of={found.harmed ? HARMED : UNHARMED} />
                </td>
                <td>
                  <Estimate of={found.difference} signed />
                  {found.difference?.limit !== undefined && (
                    <div className="rd-muted">margin {formatSigned(found.difference.limit)}</div>
                  )}
                </td>
                <td className="rd-nowrap">{formatNumber(found.eValue)}</td>
              </tr>
            ))}
          </Table>
          <p className="rd-muted">
            {checked > worst.length && `${String(checked - worst.length)} more slices show less. `}
            Harm beyond the margin is judged over all {total} slices together (e-BH, false discovery rate{' '}
            {formatNumber(falseDiscoveryRate)}):{' '}
            {harmed === 0 ? 'in none is it shown' : `in ${String(harmed)} it is shown`}. The intervals of all slices
            hold at once, at every look.
          </p>
        </>
      )}
    </Card>
  );
}
