import type { Random } from '@rondo/kernel';
import type fc from 'fast-check';

/** A change of the arguments and what it does to the result. */
export interface Invariance {
  /** What does not matter, or matters in a known way: "order of rows", "scale", "label swap". */
  readonly name: string;
  readonly changed: (args: readonly unknown[], factor: number) => unknown[];
  /** The result expected after the change, from the one before it; the same result if absent. */
  readonly expected?: (result: unknown, factor: number) => unknown;
}

/** A function that answers once. Its arguments are drawn so that it never refuses them. */
export interface Estimator {
  /** As it is exported. */
  readonly name: string;
  readonly args: fc.Arbitrary<unknown[]>;
  readonly invariances?: readonly Invariance[];
  /** Cases to draw; fewer for what takes long. Default 40. */
  readonly runs?: number;
}

/** A plain-JSON state that is updated and read. */
export interface StateMachine {
  /** Exported functions that it exercises. */
  readonly functions: readonly string[];
  readonly start: () => unknown;
  readonly step: (state: unknown, random: Random) => unknown;
  readonly read: (state: unknown) => unknown;
}

/** A detector of {@link StreamDetector}'s kind: `new Detector(rule)`, `Detector.from(state)`. */
export interface DetectorCheck {
  readonly name: string;
  readonly rules: readonly object[];
  /** Draws one value of a stream with this mean, 0..1. */
  readonly value: (random: Random, mean: number) => number;
}

/** The table every new estimator is entered into. */
export interface Checked {
  readonly estimators: readonly Estimator[];
  readonly machines: readonly StateMachine[];
  readonly detectors: readonly DetectorCheck[];
}
