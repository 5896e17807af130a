/** One model version as everyone refers to it. */
export type ModelReference = {
  readonly name: string;
  readonly version: number;
  readonly digest: string;
};

/** A statistic with its interval and its n. */
export type EstimateValue = {
  readonly name: string;
  readonly value: number;
  readonly lower?: number;
  readonly upper?: number;
  /** Coverage of the interval, 0..1. */
  readonly confidence: number;
  readonly n: number;
  /** `all`, or the feature's name. */
  readonly slice: string;
  readonly method: string;
  readonly limit?: number;
};
