import { fromBinary } from '@bufbuild/protobuf';
import { CyclePhaseChangedSchema, type CycleFinished, type DecisionMade } from '@rondo/contracts';
import type { JournalEntry } from '@rondo/journal';
import type { Platform } from '@rondo/service';
import type { CycleResult, CycleState, PhaseRecord } from '../domain/cycle.js';
import { CYCLE } from '../use-cases/cycles.js';

/** Words of OpenTelemetry's CI/CD conventions: `failure` is a verdict on the challenger, `error` a fault on the way. */
const RESULTS: Readonly<Record<CycleResult, string>> = {
  Promoted: 'success',
  Rejected: 'failure',
  RolledBack: 'failure',
  Failed: 'error',
  Cancelled: 'cancellation',
  Superseded: 'skip',
};

type Tracing = Pick<Platform, 'journal' | 'telemetry'>;

/** Writes what was decided into the trace of the handling that decided it, at `atMs`. */
export function traceDecision({ telemetry }: Tracing, decision: DecisionMade, atMs: number, parent?: string): void {
  telemetry.record('decide trigger', {
    ...(parent === undefined ? { root: true } : { parent }),
    startMs: atMs,
    endMs: atMs,
    attributes: {
      'rondo.pipeline.name': decision.pipeline,
      'rondo.decision.id': decision.decisionId,
      'rondo.verdict': decision.verdict,
      'rondo.reason': decision.reason,
      'rondo.policy.generation': Number(decision.policyGeneration),
      'rondo.cycle.id': decision.cycleId === '' ? undefined : decision.cycleId,
    },
  });
}

/**
 * Sums an ended cycle up in one trace: the run with its phases below it, each linked to the trace that began it. It is written at the end,
 * because a span that stays open for days is lost with its process and missed by searches in blocks of time.
 */
export async function traceCycle(
  { journal, telemetry }: Tracing,
  { cycleId, result }: CycleFinished,
  cycle: CycleState,
): Promise<void> {
  const begunBy = beginnings(cycle.phases, await journal.history(CYCLE, cycleId));
  const cicd = RESULTS[result as CycleResult];
  const common = { 'rondo.pipeline.name': cycle.pipeline, 'rondo.cycle.id': cycleId };
  const run = telemetry.record(`RUN ${cycle.pipeline}`, {
    root: true,
    kind: 'server',
    links: linked(begunBy.get(0)),
    startMs: cycle.startedAtMs,
    endMs: cycle.finishedAtMs ?? cycle.startedAtMs,
    error: cicd === 'error',
    attributes: {
      ...common,
      'rondo.cycle.number': cycle.number,
      'rondo.decision.id': cycle.decisionId,
      'rondo.policy.generation': cycle.generation,
      'rondo.reason': cycle.reason,
      'cicd.pipeline.name': cycle.pipeline,
      'cicd.pipeline.run.id': cycleId,
      'cicd.pipeline.result': cicd,
    },
  });
  cycle.phases.forEach(({ phase, enteredAtMs, leftAtMs }, index) => {
    telemetry.record(`phase ${phase}`, {
      parent: run,
      links: linked(begunBy.get(index)),
      startMs: enteredAtMs,
      endMs: leftAtMs ?? enteredAtMs,
      attributes: { ...common, 'rondo.phase': phase, 'cicd.pipeline.task.name': phase },
    });
  });
}

/** By index of a phase, the trace in which it was entered; phases that pass within one unit of work have none of their own. */
function beginnings(
  phases: readonly PhaseRecord[],
  history: readonly JournalEntry[],
): ReadonlyMap<number, string | undefined> {
  const begunBy = new Map([[0, history[0]?.headers['traceparent']]]);
  let last = 0;
  for (const { type, payload, headers } of history) {
    if (type !== CyclePhaseChangedSchema.typeName) continue;
    const { to } = fromBinary(CyclePhaseChangedSchema, payload);
    const entered = phases.findIndex(({ phase }, index) => index > last && phase === to);
    if (entered < 0) continue;
    begunBy.set(entered, headers['traceparent']);
    last = entered;
  }
  return begunBy;
}

const linked = (traceparent: string | undefined): string[] => (traceparent === undefined ? [] : [traceparent]);
