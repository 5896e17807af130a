import type { Reading } from './reading.js';
import type { Actor, ModelBundle, RoutingState } from './routing.js';

/** Things that happened, in this service's own words. */
export type Fact =
  | {
      readonly kind: 'RolloutStarted';
      readonly candidate: ModelBundle;
      readonly champion?: ModelBundle;
    }
  | {
      readonly kind: 'StepEntered';
      readonly stepIndex: number;
      readonly step: string;
      readonly weightPercent: number;
      readonly shadow: boolean;
      readonly atMs?: number;
    }
  | { readonly kind: 'AnalysisMeasured'; readonly measured: Measured }
  | {
      readonly kind: 'RoutingChanged';
      readonly routing: RoutingState;
      readonly rolloutId: string;
    }
  | {
      readonly kind: 'Paused';
      readonly paused: boolean;
      readonly reason: string;
      readonly actor: Actor;
    }
  | {
      readonly kind: 'Finished';
      readonly result: 'Promoted' | 'RolledBack';
      readonly cause: string;
      readonly actor: Actor;
      readonly evidence: readonly Reading[];
      readonly atMs?: number;
      readonly tookMs: number;
      readonly serving?: ModelBundle;
    };

/** One look at all analyses of the step. */
export interface Measured {
  readonly step: string;
  readonly results: readonly Reading[];
  /** Policy time. */
  readonly atMs: number;
  readonly predictions: number;
  readonly labels: number;
}
