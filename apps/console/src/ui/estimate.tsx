import type { Estimate as EstimateMessage } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { formatCount, formatNumber, formatPercent, formatSigned } from '../model/format.js';
import { metricTitle } from '../model/words.js';

/** What `<Estimate>` needs; a contract Estimate fits. */
export type EstimateLike = Pick<EstimateMessage, 'value' | 'lower' | 'upper' | 'n'> &
  Partial<Pick<EstimateMessage, 'name' | 'confidence' | 'method'>>;

/** Interval as text, or the sentence that there is none. */
export function intervalText(of: EstimateLike, show: (value: number) => string = formatNumber): string {
  return of.lower === undefined || of.upper === undefined ? 'no interval' : `${show(of.lower)} to ${show(of.upper)}`;
}

/** The same in a sentence, for example `0.4143 (0.4131 to 0.4155, n = 118,204)`. */
export function estimateWords(of: EstimateLike): string {
  return `${formatNumber(of.value)} (${intervalText(of)}, n = ${formatCount(of.n)})`;
}

/** A share of one in a sentence, for example `98.2 % (98.1 % to 98.3 %, n = 36,100)`. */
export function shareWords(of: EstimateLike): string {
  return `${formatPercent(of.value)} (${intervalText(of, formatPercent)}, n = ${formatCount(of.n)})`;
}

interface EstimateProps {
  readonly of: EstimateLike | undefined;
  /** Differences carry their sign. */
  readonly signed?: boolean;
  /** Shares of one are written as per cent. */
  readonly share?: boolean;
  readonly withName?: boolean;
  readonly stacked?: boolean;
}

/** A number is never shown without its interval and the n it rests on. */
export function Estimate({
  of,
  signed = false,
  share = false,
  withName = false,
  stacked = false,
}: EstimateProps): ReactNode {
  if (of === undefined) return <span className="rd-muted">not measured</span>;
  const confidence =
    of.confidence !== undefined && of.confidence > 0 ? `${formatPercent(of.confidence, 4)} interval` : 'interval';
  const show = share ? formatPercent : signed ? formatSigned : formatNumber;
  const title = [of.method, of.lower === undefined ? undefined : confidence].filter(Boolean).join(', ');
  return (
    <span className="rd-estimate" data-stacked={stacked} title={title === '' ? undefined : title}>
      {withName && of.name !== undefined && <span className="rd-estimate-name">{metricTitle(of.name)}</span>}
      <span className="rd-estimate-value">{show(of.value)}</span>
      <span className="rd-estimate-rest">[{intervalText(of, show)}]</span>{' '}
      <span className="rd-estimate-rest">n = {formatCount(of.n)}</span>
    </span>
  );
}
