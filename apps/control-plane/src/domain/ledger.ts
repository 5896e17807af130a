import type { DecisionVerdict } from './decision.js';
import type { FindingValue } from './references.js';

export type Fate =
  'Pending' | 'Scheduled' | 'Caused' | 'Merged' | 'Held' | 'Ignored' | 'Quarantined' | 'Rejected' | 'Failed';

/** One event and what became of it. */
export interface LedgerState {
  readonly pipeline: string;
  readonly eventId: string;
  readonly kind: 'arrival' | 'drift' | 'performance' | 'forecast' | 'timer' | 'manual';
  readonly summary: string;
  readonly source: string;
  readonly eventTimeMs: number;
  readonly receivedAtMs: number;
  readonly fate: Fate;
  readonly reason: string;
  readonly explanation: string;
  readonly decisionId?: string;
  readonly cycleId?: string;
  readonly batchId?: string;
  readonly findings: readonly FindingValue[];
}

/** The fate a decision gives to the event it was made about. */
export function fateOf(verdict: DecisionVerdict): Fate {
  switch (verdict) {
    case 'Schedule':
      return 'Scheduled';
    case 'Start':
      return 'Caused';
    case 'Merge':
      return 'Merged';
    case 'Ignore':
      return 'Ignored';
    case 'Propose':
    case 'Hold':
      return 'Held';
  }
}
