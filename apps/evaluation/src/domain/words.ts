/** Titles of metrics as people say them. */
const TITLES: Readonly<Record<string, string>> = {
  logLoss: 'log loss',
  rocAuc: 'ROC AUC',
  brier: 'Brier score',
  prAuc: 'PR AUC',
  ece: 'calibration error',
  debiasedEce: 'calibration error, bias taken off',
  expectedEce: 'calibration error of a perfect model',
  calibrationSlope: 'calibration slope',
  positiveRate: 'positive rate',
  meanScore: 'mean score',
};

/** A metric's title, or its name when it has none. */
export const titleOf = (metric: string): string => TITLES[metric] ?? metric;

/** A number for a sentence: three significant digits at least, never an exponent for everyday sizes. */
export function shown(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 1e-6 || size >= 1e9) return value.toExponential(2);
  return size >= 1000 ? count(Math.round(value)) : String(Number(value.toPrecision(size < 0.1 ? 3 : 4)));
}

/** A signed number for a difference. */
export const signed = (value: number): string => (value > 0 ? `+${shown(value)}` : shown(value));

/** A count with separators. */
export const count = (value: number): string => value.toLocaleString('en-US');

/** A share as a percentage. */
export const percent = (share: number): string => `${Number((share * 100).toPrecision(4))} %`;

/** Coverage of an interval as a percentage; close to 1 it is told apart from 1. */
export const coverage = (confidence: number): string => `${Number((confidence * 100).toPrecision(6))} %`;

/** ISO date and minute. */
export const moment = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')}Z`;
