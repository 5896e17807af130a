/** Every service that keeps state; the order in which they start. */
export const STATEFUL = [
  'control-plane',
  'data-prep',
  'drift-monitor',
  'labeling',
  'training',
  'evaluation',
  'rollout',
] as const;
export type StatefulService = (typeof STATEFUL)[number];
