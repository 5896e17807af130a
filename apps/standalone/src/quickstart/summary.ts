import { timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import {
  Severity,
  Verdict,
  type Cycle,
  type Estimate,
  type LedgerEvent,
  type VerifyAuditResponse,
} from '@rondo/contracts';

/** A comparison that decided something. */
export interface SummaryGate {
  readonly gate: string;
  readonly verdict: string;
  /** What a failure does: stop the candidate, ask people, or be noted. */
  readonly severity: string;
  readonly difference?: SummaryEstimate;
}

export interface SummaryEstimate {
  readonly value: number;
  readonly lower?: number;
  readonly upper?: number;
  readonly n: number;
}

export interface SummaryCycle {
  readonly number: number;
  readonly trigger: string;
  readonly asOf: string;
  readonly result: string;
  readonly reason: string;
  readonly selected: string;
  readonly champion: number;
  readonly challenger: number;
  readonly evaluation: string;
  readonly gates: readonly SummaryGate[];
  readonly seconds: number;
}

export interface SummaryEvent {
  readonly kind: string;
  readonly event: string;
  readonly eventTime: string;
  readonly fate: string;
  readonly reason: string;
  readonly cycle?: number;
}

/** The whole story: every event with its fate, every cycle with its verdicts, and whether the audit chain holds. */
export interface Summary {
  readonly seconds: number;
  readonly events: readonly SummaryEvent[];
  readonly fates: Readonly<Record<string, number>>;
  readonly cycles: readonly SummaryCycle[];
  readonly champion: number;
  readonly audit: { readonly intact: boolean; readonly entries: number; readonly explanation: string };
  /** False when an event has no fate or the audit chain does not verify. */
  readonly sound: boolean;
}

const VERDICT: Readonly<Record<Verdict, string>> = {
  [Verdict.UNSPECIFIED]: '-',
  [Verdict.PASS]: 'Pass',
  [Verdict.FAIL]: 'Fail',
  [Verdict.INCONCLUSIVE]: 'Inconclusive',
  [Verdict.ERROR]: 'Error',
};

const SEVERITY: Readonly<Record<Severity, string>> = {
  [Severity.UNSPECIFIED]: '-',
  [Severity.ADVISORY]: 'advisory',
  [Severity.REQUIRES_REVIEW]: 'requires review',
  [Severity.BLOCKING]: 'blocking',
};

const iso = (time: Timestamp | undefined): string => (time ? new Date(timestampMs(time)).toISOString() : '');
const msOf = (time: Timestamp | undefined): number => (time ? timestampMs(time) : 0);

function estimate(value: Estimate): SummaryEstimate {
  const { lower, upper } = value;
  return {
    value: value.value,
    n: Number(value.n),
    ...(lower !== undefined && { lower }),
    ...(upper !== undefined && { upper }),
  };
}

/** Builds the summary from what the API answers. Events and cycles in any order. */
export function summarise(
  seen: {
    readonly events: readonly LedgerEvent[];
    readonly cycles: readonly Cycle[];
    readonly champion: number;
    readonly audit: VerifyAuditResponse;
  },
  seconds: number,
): Summary {
  const numberOf = new Map(seen.cycles.map((cycle) => [cycle.cycleId, cycle.number]));
  const events = [...seen.events]
    .sort((a, b) => msOf(a.eventTime) - msOf(b.eventTime) || msOf(a.receivedAt) - msOf(b.receivedAt))
    .map((event) => {
      const cycle = numberOf.get(event.cycleId);
      return {
        kind: event.kind,
        event: event.summary,
        eventTime: iso(event.eventTime),
        fate: event.fate,
        reason: event.reason,
        ...(cycle !== undefined && { cycle }),
      };
    });
  const fates: Record<string, number> = {};
  for (const event of events) fates[event.fate] = (fates[event.fate] ?? 0) + 1;
  const cycles = [...seen.cycles].sort((a, b) => a.number - b.number).map(summariseCycle);
  const { intact, entries, brokenAt, explanation } = seen.audit;
  const unfated = events.some((event) => event.fate === 'Pending' || event.fate === '');
  return {
    seconds,
    events,
    fates,
    cycles,
    champion: seen.champion,
    audit: { intact, entries: Number(entries), explanation: intact ? '' : `${brokenAt}: ${explanation}` },
    sound: intact && !unfated && events.length > 0,
  };
}

function summariseCycle(cycle: Cycle): SummaryCycle {
  return {
    number: cycle.number,
    trigger: cycle.trigger,
    asOf: iso(cycle.eventTime),
    result: cycle.result || cycle.phase,
    reason: cycle.reason,
    selected: cycle.candidates.find((candidate) => candidate.selected)?.name ?? '',
    champion: cycle.champion?.version ?? 0,
    challenger: cycle.challenger?.version ?? 0,
    evaluation: VERDICT[cycle.evaluationVerdict],
    gates: cycle.gates.map((gate) => ({
      gate: gate.gate,
      verdict: VERDICT[gate.verdict],
      severity: SEVERITY[gate.severity],
      ...(gate.difference && { difference: estimate(gate.difference) }),
    })),
    seconds: Math.round((msOf(cycle.finishedAt) - msOf(cycle.startedAt)) / 100) / 10,
  };
}

const difference = (gate: SummaryGate): string => {
  if (!gate.difference) return '';
  const { value, lower, upper, n } = gate.difference;
  const signed = (x: number): string => `${x >= 0 ? '+' : ''}${x.toFixed(4)}`;
  const interval = lower !== undefined && upper !== undefined ? ` [${signed(lower)}, ${signed(upper)}]` : '';
  return ` ${signed(value)}${interval} n=${n.toLocaleString('en-US')}`;
};

/** A gate that did not pass says what that does. */
const gateVerdict = ({ verdict, severity }: SummaryGate): string =>
  verdict === 'Pass' ? verdict : `${verdict} (${severity})`;

/** The summary as a table for a terminal. */
export function summaryTable(summary: Summary): string {
  const rows = summary.cycles.flatMap((cycle) => [
    `  ${String(cycle.number).padStart(2)}  ${cycle.asOf.slice(0, 10)}  ${cycle.trigger.padEnd(14)} v${cycle.champion} → v${cycle.challenger}  ${cycle.selected.padEnd(12)} ${cycle.evaluation.padEnd(13)} ${cycle.result.padEnd(11)} ${String(cycle.seconds).padStart(6)} s`,
    ...cycle.gates.map((gate) => `        ${gate.gate.padEnd(26)} ${gateVerdict(gate)}${difference(gate)}`),
    ...(cycle.reason ? [`        ${cycle.reason}`] : []),
  ]);
  const events = summary.events.map((event) =>
    `  ${event.eventTime.slice(0, 10)}  ${event.kind.padEnd(11)} ${event.fate.padEnd(11)} ${event.reason.padEnd(22)} ${event.cycle ? `cycle ${event.cycle}` : ''}`.trimEnd(),
  );
  const fates = Object.entries(summary.fates)
    .map(([fate, count]) => `${fate} ${count}`)
    .join(', ');
  return [
    `Events (${summary.events.length}): ${fates}`,
    ...events,
    '',
    `Cycles (${summary.cycles.length})`,
    ...rows,
    '',
    `Champion v${summary.champion}. Audit chain ${summary.audit.intact ? `verifies (${summary.audit.entries} entries)` : `BROKEN: ${summary.audit.explanation}`}. ${summary.seconds.toFixed(1)} s.`,
  ].join('\n');
}
