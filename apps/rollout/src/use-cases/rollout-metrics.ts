import type { Telemetry } from '@rondo/telemetry';
import type { Fact } from '../domain/facts.js';
import type { Estimate } from '../domain/reading.js';
import type { Change, RolloutState } from '../domain/rollout-state.js';

const ROLLBACK_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/** Counts and gauges of rollouts, told after a change is committed. */
export class RolloutMetrics {
  readonly #traffic: ReturnType<Telemetry['gauge']>;
  readonly #value: ReturnType<Telemetry['gauge']>;
  readonly #bound: ReturnType<Telemetry['gauge']>;
  readonly #rows: ReturnType<Telemetry['gauge']>;
  readonly #limit: ReturnType<Telemetry['gauge']>;
  readonly #samples: ReturnType<Telemetry['counter']>;
  readonly #verdicts: ReturnType<Telemetry['counter']>;
  readonly #rollbacks: ReturnType<Telemetry['counter']>;
  readonly #rollbackDuration: ReturnType<Telemetry['histogram']>;

  constructor(telemetry: Telemetry) {
    this.#traffic = telemetry.gauge('rondo_rollout_traffic_ratio', 'Share of traffic by arm.', ['pipeline', 'arm']);
    this.#value = telemetry.gauge('rondo_canary_value', 'Last measured value.', ['pipeline', 'arm', 'metric']);
    this.#bound = telemetry.gauge('rondo_canary_value_bound', 'Bounds of its interval, NaN where it has none.', [
      'pipeline',
      'arm',
      'metric',
      'bound',
    ]);
    this.#rows = telemetry.gauge('rondo_canary_value_rows', 'Labels or requests on which it rests.', [
      'pipeline',
      'arm',
      'metric',
    ]);
    this.#limit = telemetry.gauge('rondo_canary_limit', 'Limit the value is compared with.', ['pipeline', 'metric']);
    this.#samples = telemetry.counter('rondo_canary_samples_total', 'Labelled predictions compared.', [
      'pipeline',
      'arm',
    ]);
    this.#verdicts = telemetry.counter('rondo_canary_verdicts_total', 'Looks at a canary, by verdict.', [
      'pipeline',
      'verdict',
    ]);
    this.#rollbacks = telemetry.counter('rondo_rollbacks_total', 'Rollbacks, by cause.', ['pipeline', 'cause']);
    const help = 'Time from the decision until no traffic is left.';
    this.#rollbackDuration = telemetry.histogram(
      'rondo_rollback_duration_seconds',
      help,
      ['pipeline'],
      ROLLBACK_BUCKETS,
    );
  }

  /** @param pairs labelled pairs that this change added */
  record({ rollout, routing, facts }: Change, pairs: number): void {
    const { pipeline } = rollout;
    for (const arm of ['champion', 'candidate']) if (pairs > 0) this.#samples.add(pairs, { pipeline, arm });
    for (const fact of facts) this.#recordFact(fact, rollout);
    if (facts.some((fact) => fact.kind === 'RoutingChanged')) {
      this.#traffic.set(routing.weightPercent / 100, { pipeline, arm: 'candidate' });
      this.#traffic.set(1 - routing.weightPercent / 100, { pipeline, arm: 'champion' });
    }
  }

  #show({ value, lower, upper, n }: Estimate, labels: Record<string, string>): void {
    this.#value.set(value, labels);
    this.#bound.set(lower ?? NaN, { ...labels, bound: 'lower' });
    this.#bound.set(upper ?? NaN, { ...labels, bound: 'upper' });
    this.#rows.set(n, labels);
  }

  #recordFact(fact: Fact, rollout: RolloutState): void {
    const { pipeline } = rollout;
    if (fact.kind === 'AnalysisMeasured') {
      for (const { analysis: metric, verdict, candidate, champion, difference } of fact.measured.results) {
        this.#verdicts.add(1, { pipeline, verdict });
        if (candidate) this.#show(candidate, { pipeline, arm: 'candidate', metric });
        if (champion) this.#show(champion, { pipeline, arm: 'champion', metric });
        if (difference?.limit !== undefined) this.#limit.set(difference.limit, { pipeline, metric });
      }
    }
    if (fact.kind === 'Finished' && fact.result === 'RolledBack') {
      this.#rollbacks.add(1, { pipeline, cause: causeOf(fact) });
      this.#rollbackDuration.observe(fact.tookMs / 1_000, { pipeline });
    }
  }
}

/** Few words, so that the number of series stays bounded: the analysis, the deadline, or who asked. */
function causeOf(fact: Extract<Fact, { kind: 'Finished' }>): string {
  if (fact.actor.kind !== 'Policy') return fact.actor.kind === 'Human' ? 'person' : 'service';
  return fact.evidence.find((reading) => reading.verdict === 'Fail')?.analysis ?? 'deadline';
}
