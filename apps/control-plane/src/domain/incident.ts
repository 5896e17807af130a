/** Something went wrong in production and people should learn from it. */
export interface IncidentState {
  readonly id: string;
  readonly pipeline: string;
  readonly cycleId: string;
  readonly state: 'Open' | 'Closed';
  readonly summary: string;
  readonly openedAtMs: number;
  readonly closedAtMs?: number;
  /** Ids and digests of what was known: decision, rollout, report. */
  readonly evidence: readonly string[];
  readonly postmortem: string;
  readonly actionItems: readonly string[];
  readonly closedBy?: string;
}
