import type { Estimate as EstimateMessage } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { formatCount, formatNumber, formatPercent, formatSigned } from '../model/format.js';
import { metricTitle } from '../model/words.js';

/** What `<Estimate>` needs; a contract Estimate fits. */
export type EstimateLike = Pick<EstimateMessage, 'value' | 'lower' | 'upper' | 'n'> &
  Partial<Pick<EstimateMessage, 'name' | 'confidence' | 'method'>>;

/** Interval as text, or the sentence that there is none. */
export function intervalText(of: EstimateLike, signed = false): string {
  const show = signed ? formatSigned : formatNumber;
  return of.lower === undefined || of.upper === undefined ? 'no interval' : `${show(of.lower)} to ${show(of.upper)}`;
}

interface EstimateProps {
  readonly of: EstimateLike | undefined;
  /** Differences carry their sign. */
  readonly signed?: boolean;
  readonly withName?: boolean;
  readonly stacked?: boolean;
}

/** A number is never shown without its interval and the n it rests on. */
export function Estimate({ of, signed = false, withName = false, stacked = false }: EstimateProps): ReactNode {
  if (of === undefined) return <span className="rd-muted">not measured</span>;
  const confidence =
    of.confidence !== undefined && of.confidence > 0 ? `${formatPercent(of.confidence, 4)} interval` : 'interval';
  const title = [of.method, of.lower === undefined ? undefined : confidence].filter(Boolean).join(', ');
  return (
    <span className="rd-estimate" data-stacked={stacked} title={title === '' ? undefined : title}>
      {withName && of.name !== undefined && <span className="rd-estimate-name">{metricTitle(of.name)}</span>}
      <span className="rd-estimate-value">{signed ? formatSigned(of.value) : formatNumber(of.value)}</span>
      <span className="rd-estimate-rest">[{intervalText(of, signed)}]</span>{' '}
      <span className="rd-estimate-rest">n = {formatCount(of.n)}</span>
    </span>
  );
}
