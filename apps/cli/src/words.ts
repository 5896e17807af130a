import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { Verdict, type Estimate, type ModelRef, type TimeRange } from '@rondo/contracts';

/** Text without control characters: what a server or a data file says must not drive the terminal. */
export const plainText = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');

/** `2001-03-05T00:00:00Z`, or a dash. */
export const timeText = (time: Timestamp | undefined): string =>
  time ? timestampDate(time).toISOString().replace('.000Z', 'Z') : '-';

/** `2001-02-26 … 2001-03-05`. */
export const rangeText = (range: TimeRange | undefined): string =>
  range ? `${timeText(range.start).slice(0, 10)} … ${timeText(range.end).slice(0, 10)}` : '-';

/** `arrival-delay-15/3`, or a dash. */
export const modelText = (model: ModelRef | undefined): string =>
  model && model.name !== '' ? `${model.name}/${model.version}` : '-';

/** `61,234`, as everywhere in Rondo. */
export const countText = (count: bigint | number): string => String(count).replace(/\B(?=(\d{3})+(?!\d))/g, ',');

/** `2 h 5 min`, `41 s`, `350 ms`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** What a sentence about a change ends with when nothing was changed. */
export const dryText = (isDry: boolean): string => (isDry ? ' (dry run, nothing changed)' : '');

/** Whole numbers as they are, others with four significant digits. */
export const numberText = (value: number): string => (Number.isInteger(value) ? String(value) : value.toPrecision(4));

/** `95 %`, `99.9963 %`: close to 1 and close to 0 a share is told apart from them. */
export const percentText = (share: number): string => `${Number((share * 100).toPrecision(6))} %`;

/** A value with its interval and its n, without a name. */
export function boundsText({ value, lower, upper, confidence, n }: Estimate): string {
  const bounds = lower !== undefined || upper !== undefined;
  const interval = bounds ? ` [${boundText(lower)}, ${boundText(upper)}] ${percentText(confidence)}` : '';
  return `${numberText(value)}${interval}, n = ${countText(n)}`;
}

/** A statistic with its interval, limit and n: `logLoss 0.4321 [0.4300, 0.4342] 95 %, n = 12,000, limit 0.45`. */
export function estimateText(estimate: Estimate | undefined): string {
  if (!estimate) return '-';
  const limit = estimate.limit === undefined ? '' : `, limit ${numberText(estimate.limit)}`;
  const slice = estimate.slice === '' || estimate.slice === 'all' ? '' : ` (${estimate.slice})`;
  return `${estimate.name}${slice} ${boundsText(estimate)}${limit}`;
}

const boundText = (bound: number | undefined): string => (bound === undefined ? '…' : numberText(bound));

const VERDICTS: Readonly<Record<Verdict, string>> = {
  [Verdict.UNSPECIFIED]: '-',
  [Verdict.PASS]: 'Pass',
  [Verdict.FAIL]: 'Fail',
  [Verdict.INCONCLUSIVE]: 'Inconclusive',
  [Verdict.ERROR]: 'Error',
};

/** `Pass`, `Fail`, `Inconclusive`, `Error` or a dash. */
export const verdictText = (verdict: Verdict): string => VERDICTS[verdict] ?? '-';
