import { ActorKind, BatchState, DriftState, Severity, Verdict } from '@rondo/contracts';

/** How good the news is; always shown together with an icon and a word. */
export type Tone = 'good' | 'bad' | 'warn' | 'info' | 'wait' | 'quiet';

/** A state as people read it. */
export interface StatusWord {
  readonly tone: Tone;
  readonly word: string;
}

const status = (tone: Tone, word: string): StatusWord => ({ tone, word });

/** Phases of a cycle in their order. */
export const PHASES = [
  'Preparing',
  'Labeling',
  'Training',
  'Selecting',
  'Evaluating',
  'AwaitingApproval',
  'RollingOut',
] as const;

const WORDS: Record<string, StatusWord> = {
  Preparing: status('info', 'preparing data'),
  Labeling: status('wait', 'labeling'),
  Training: status('info', 'training'),
  Selecting: status('info', 'selecting'),
  Evaluating: status('info', 'evaluating'),
  AwaitingApproval: status('wait', 'awaiting approval'),
  RollingOut: status('info', 'rolling out'),
  Finished: status('quiet', 'finished'),
  Promoted: status('good', 'promoted'),
  Rejected: status('warn', 'rejected'),
  RolledBack: status('bad', 'rolled back'),
  Failed: status('bad', 'failed'),
  Cancelled: status('quiet', 'cancelled'),
  Superseded: status('quiet', 'superseded'),
  Running: status('info', 'running'),
  Paused: status('wait', 'paused'),
  Open: status('wait', 'open'),
  Closed: status('quiet', 'closed'),
  Approved: status('good', 'approved'),
  Expired: status('quiet', 'expired'),
  Invalidated: status('warn', 'evidence changed'),
  Start: status('good', 'started a cycle'),
  Propose: status('wait', 'proposed'),
  Schedule: status('wait', 'scheduled a cycle'),
  Scheduled: status('wait', 'scheduled a cycle'),
  Hold: status('quiet', 'held'),
  Merge: status('quiet', 'merged'),
  Ignore: status('quiet', 'ignored'),
  Pending: status('info', 'pending'),
  Caused: status('good', 'caused a cycle'),
  Merged: status('quiet', 'merged'),
  Held: status('quiet', 'held'),
  Ignored: status('quiet', 'ignored'),
  Quarantined: status('warn', 'quarantined'),
  Queued: status('quiet', 'queued'),
  Trained: status('good', 'trained'),
  Leased: status('info', 'leased'),
  Answered: status('good', 'answered'),
  Skipped: status('quiet', 'skipped'),
};

/** The word and tone of a state the API names as text; an unknown one is shown as it came. */
export function statusOf(name: string): StatusWord {
  return WORDS[name] ?? status('quiet', spaced(name) || 'unknown');
}

/** What held an event, in as few words as a label has room for. */
const HELD_BY: Record<string, string> = {
  NotBreached: 'not breached',
  NotBreachedLongEnough: 'not yet',
  Suspended: 'suspended',
  AutomaticCyclesHeld: 'by a person',
  CoolingDown: 'cooling down',
  BudgetExhausted: 'budget used up',
  AdvisoryForecast: 'only advisory',
  NoBreachExpected: 'no date',
  ScheduledAlready: 'scheduled already',
  ScheduleCancelled: 'by a person',
  CancelledByPerson: 'by a person',
};

/** A decision or an event's fate; one that was held says at once what held it. */
export function fateOf(fate: string, reason: string): StatusWord {
  const by = fate === 'Hold' || fate === 'Held' ? HELD_BY[reason] : undefined;
  return by === undefined ? statusOf(fate) : status('quiet', `held: ${by}`);
}

/** `NotBreachedLongEnough` → `not breached long enough`. */
export function spaced(name: string): string {
  return /^[A-Za-z]+$/.test(name) ? name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase() : name;
}

const VERDICTS: Record<Verdict, StatusWord> = {
  [Verdict.UNSPECIFIED]: status('quiet', 'no verdict'),
  [Verdict.PASS]: status('good', 'pass'),
  [Verdict.FAIL]: status('bad', 'fail'),
  [Verdict.INCONCLUSIVE]: status('wait', 'not proven'),
  [Verdict.ERROR]: status('bad', 'error'),
};

/** Pass, fail, and the third one that is neither: not proven. */
export function verdictOf(verdict: Verdict): StatusWord {
  return VERDICTS[verdict] ?? VERDICTS[Verdict.UNSPECIFIED];
}

const DRIFT: Record<DriftState, StatusWord> = {
  [DriftState.UNSPECIFIED]: status('quiet', 'unknown'),
  [DriftState.CLEAR]: status('good', 'clear'),
  [DriftState.SUSPECTED]: status('wait', 'suspected'),
  [DriftState.DETECTED]: status('warn', 'detected'),
  [DriftState.INSUFFICIENT]: status('quiet', 'too few rows'),
  [DriftState.NEGLIGIBLE]: status('good', 'negligible'),
  [DriftState.SEASONAL]: status('good', 'as usual for the season'),
};

/** State of a drift test. */
export function driftOf(state: DriftState): StatusWord {
  return DRIFT[state] ?? DRIFT[DriftState.UNSPECIFIED];
}

const BATCHES: Record<BatchState, StatusWord> = {
  [BatchState.UNSPECIFIED]: status('quiet', 'unknown'),
  [BatchState.CHECKING]: status('info', 'being checked'),
  [BatchState.READY]: status('good', 'ready'),
  [BatchState.QUARANTINED]: status('warn', 'quarantined'),
  [BatchState.REJECTED]: status('quiet', 'rejected'),
  [BatchState.FAILED]: status('bad', 'failed'),
};

/** State of a batch. */
export function batchOf(state: BatchState): StatusWord {
  return BATCHES[state] ?? BATCHES[BatchState.UNSPECIFIED];
}

/** What a gate or finding may do. */
export function severityWord(severity: Severity): string {
  if (severity === Severity.BLOCKING) return 'blocking';
  if (severity === Severity.REQUIRES_REVIEW) return 'needs review';
  return 'advisory';
}

/** Kind of actor in one word. */
export function actorKindWord(kind: ActorKind): string {
  return {
    [ActorKind.HUMAN]: 'person',
    [ActorKind.SERVICE]: 'service',
    [ActorKind.POLICY]: 'policy',
    [ActorKind.UNSPECIFIED]: '',
  }[kind];
}

const METRICS: Record<string, readonly [string, 'lower' | 'higher' | 'none']> = {
  logLoss: ['log loss', 'lower'],
  rocAuc: ['ROC AUC', 'higher'],
  brier: ['Brier score', 'lower'],
  prAuc: ['PR AUC', 'higher'],
  ece: ['calibration error', 'lower'],
  debiasedEce: ['calibration error, bias taken off', 'lower'],
  demographicParityGap: ['gap of positive decisions', 'lower'],
  equalisedOddsGap: ['gap of true or false positive rate', 'lower'],
  equalOpportunityGap: ['gap of true positive rate', 'lower'],
  positiveRate: ['positive rate', 'none'],
  meanScore: ['mean score', 'none'],
  errorRate: ['error rate', 'lower'],
  expectedEce: ['calibration error of a perfect model', 'none'],
  calibrationSlope: ['calibration slope', 'none'],
  p50Ms: ['latency p50, ms', 'lower'],
  p99Ms: ['latency p99, ms', 'lower'],
  psi: ['PSI', 'lower'],
  agreement: ['agreement', 'higher'],
  coverage: ['coverage', 'higher'],
  answered: ['answered', 'higher'],
  goldAccuracy: ['gold accuracy', 'higher'],
  ks: ['Kolmogorov-Smirnov', 'none'],
  cramersV: ["Cramér's V", 'none'],
  jensenShannon: ['Jensen-Shannon', 'none'],
  wasserstein: ['Wasserstein, in sd', 'none'],
  nullRate: ['missing', 'lower'],
  labelCoverage: ['label coverage', 'higher'],
};

/** The field's name for a metric. */
export function metricTitle(name: string): string {
  return METRICS[name]?.[0] ?? spaced(name);
}

/** Which way is better; `none` when neither is. */
export function metricDirection(name: string): 'lower' | 'higher' | 'none' {
  return METRICS[name]?.[1] ?? 'none';
}

/** The field's name for a series that is forecast. */
export function seriesTitle(series: string): string {
  return series === 'drift.importanceWeighted'
    ? 'drift, weighted by importance'
    : metricTitle(series.replace('perf.', ''));
}

const ADVISORIES: Record<string, string> = {
  'no-skill': 'advisory: no better than the naive forecast',
  'change-point': 'advisory: the series changed lately',
};

/** Why nothing acts on a forecast. */
export function advisoryOf(advisory: string): StatusWord {
  return status('warn', ADVISORIES[advisory] ?? 'advisory');
}

const RANKS = ['viewer', 'approver', 'operator', 'admin'];

/** Role a page action needs. */
export type NeededRole = 'annotator' | 'approver' | 'operator';

/** Do these roles include the needed one? Each includes those before it; annotators only label. */
export function includesRole(roles: readonly string[], needed: NeededRole): boolean {
  const names = roles.map((role) => role.toLowerCase().replace(/^role_/, ''));
  if (needed === 'annotator')
    return names.some((name) => name === 'annotator' || RANKS.indexOf(name) >= RANKS.indexOf('approver'));
  return names.some((name) => RANKS.indexOf(name) >= RANKS.indexOf(needed));
}
