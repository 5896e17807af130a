/** What the simulated error rates share. */
import { normalQuantile } from '../libs/statistics/dist/index.js';

const QUANTILES = 16_384;
const NORMALS = Float64Array.from({ length: QUANTILES }, (_, i) => normalQuantile((i + 0.5) / QUANTILES));

/** A standard normal value at the cost of a table look-up; never beyond four standard deviations. */
export const quickNormal = (random) => NORMALS[random.int(QUANTILES)];

export const logistic = (x) => 1 / (1 + Math.exp(-x));

export const percent = (share) => `${(100 * share).toFixed(1)} %`;
