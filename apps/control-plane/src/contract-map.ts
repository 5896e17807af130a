import {
  create,
  toJson,
  type DescMessage,
  type JsonObject,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import { TimestampSchema, timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import {
  ActorKind,
  registry,
  Severity,
  Verdict,
  type Actor,
  type ArtifactRef,
  type Estimate,
  type Finding,
  type ForecastIssued,
  type ModelRef,
  type SplitFile,
} from '@rondo/contracts';
import type { Outgoing } from '@rondo/journal';
import type { SplitState } from './domain/cycle.js';
import type { ForecastState } from './domain/forecast.js';
import type {
  ActorReference,
  ArtifactReference,
  EstimateValue,
  FindingValue,
  ModelReference,
} from './domain/references.js';

/** A message on its way out, keyed by the pipeline. */
export function outgoing<D extends DescMessage>(
  schema: D,
  init: MessageInitShape<D> & { pipeline?: string },
  headers: Readonly<Record<string, string>> = {},
): Outgoing {
  const message = create(schema, init) as MessageShape<D> & { pipeline?: string };
  return { schema, message, key: message.pipeline ?? '', headers } as unknown as Outgoing;
}

/** Whole microseconds: fractions of a nanosecond, as a span's clock gives them, have no JSON form. */
export function timestamp(ms: number | undefined): Timestamp | undefined {
  if (ms === undefined) return undefined;
  const seconds = Math.floor(ms / 1000);
  return create(TimestampSchema, { seconds: BigInt(seconds), nanos: Math.floor((ms - seconds * 1000) * 1000) * 1000 });
}

export const msOf = (time: Timestamp | undefined): number => (time ? timestampMs(time) : 0);

export function artifactFrom(ref: ArtifactRef | undefined): ArtifactReference | undefined {
  return ref && { digest: ref.digest, mediaType: ref.mediaType, sizeBytes: Number(ref.sizeBytes) };
}

export function artifactTo(
  ref: ArtifactReference | undefined,
): { digest: string; mediaType: string; sizeBytes: bigint } | undefined {
  return ref && { digest: ref.digest, mediaType: ref.mediaType, sizeBytes: BigInt(ref.sizeBytes) };
}

export function modelFrom(ref: ModelRef | undefined): ModelReference | undefined {
  return ref && ref.digest !== '' ? { name: ref.name, version: ref.version, digest: ref.digest } : undefined;
}

export function estimateFrom(estimate: Estimate): EstimateValue {
  const { name, value, lower, upper, confidence, n, slice, method, limit } = estimate;
  return {
    name,
    value,
    confidence,
    n: Number(n),
    slice,
    method,
    ...(lower !== undefined && { lower }),
    ...(upper !== undefined && { upper }),
    ...(limit !== undefined && { limit }),
  };
}

export function estimateTo(estimate: EstimateValue): Omit<EstimateValue, 'n'> & { n: bigint } {
  return { ...estimate, n: BigInt(Math.round(estimate.n)) };
}

const ADVISORIES = ['', 'no-skill', 'change-point'] as const;

/** What decisions need of a forecast; one about another model than the present champion is advisory, whatever it says. */
export function forecastFrom(event: ForecastIssued, champion: ModelReference | undefined): ForecastState {
  const {
    pipeline,
    forecastId,
    series,
    limit,
    lastValue,
    points,
    skill,
    method,
    n,
    breachProbability: probability,
  } = event;
  const value = probability?.value ?? 0;
  const { lower: skillLower, upper: skillUpper } = event.skillEstimate ?? {};
  return {
    pipeline,
    forecastId,
    series,
    limit,
    lastValue,
    endValue: points.at(-1)?.value ?? lastValue,
    skill,
    ...(skillLower !== undefined && { skillLower }),
    ...(skillUpper !== undefined && { skillUpper }),
    method,
    n,
    breachProbability: {
      value,
      lower: probability?.lower ?? value,
      upper: probability?.upper ?? value,
      n: Number(probability?.n ?? 0),
    },
    advisory:
      event.model?.digest === champion?.digest
        ? (ADVISORIES.find((known) => known === event.advisory) ?? 'no-skill')
        : 'champion-changed',
    ...(event.breachEarliest && { breachEarliestMs: msOf(event.breachEarliest) }),
    ...(event.breachExpected && { breachExpectedMs: msOf(event.breachExpected) }),
  };
}

const SEVERITY_FROM: Readonly<Record<number, FindingValue['severity']>> = {
  [Severity.BLOCKING]: 'blocking',
  [Severity.REQUIRES_REVIEW]: 'requires-review',
};
const SEVERITY_TO: Readonly<Record<FindingValue['severity'], Severity>> = {
  advisory: Severity.ADVISORY,
  'requires-review': Severity.REQUIRES_REVIEW,
  blocking: Severity.BLOCKING,
};

export function findingFrom(finding: Finding): FindingValue {
  const { code, severity, message, field, rule, count, samplesJson } = finding;
  return {
    code,
    message,
    field,
    rule,
    count: Number(count),
    samplesJson: [...samplesJson],
    severity: SEVERITY_FROM[severity] ?? 'advisory',
  };
}

export function findingTo(finding: FindingValue): Omit<FindingValue, 'count' | 'severity' | 'samplesJson'> & {
  count: bigint;
  severity: Severity;
  samplesJson: string[];
} {
  return {
    ...finding,
    count: BigInt(finding.count),
    severity: SEVERITY_TO[finding.severity],
    samplesJson: [...finding.samplesJson],
  };
}

const ACTOR_KIND: Readonly<Record<ActorReference['kind'], ActorKind>> = {
  human: ActorKind.HUMAN,
  service: ActorKind.SERVICE,
  policy: ActorKind.POLICY,
};

export function actorFrom(actor: Actor | undefined): ActorReference {
  if (!actor) return { id: 'service:control-plane', kind: 'service', roles: [] };
  const kind = actor.kind === ActorKind.HUMAN ? 'human' : actor.kind === ActorKind.POLICY ? 'policy' : 'service';
  return { id: actor.id, kind, roles: [...actor.roles] };
}

export function actorTo(actor: ActorReference): { id: string; kind: ActorKind; roles: string[] } {
  return { id: actor.id, kind: ACTOR_KIND[actor.kind], roles: [...actor.roles] };
}

const VERDICT_FROM = {
  [Verdict.PASS]: 'Pass',
  [Verdict.FAIL]: 'Fail',
  [Verdict.INCONCLUSIVE]: 'Inconclusive',
  [Verdict.ERROR]: 'Error',
  [Verdict.UNSPECIFIED]: 'Error',
} as const;
export const verdictFrom = (verdict: Verdict): 'Pass' | 'Fail' | 'Inconclusive' | 'Error' => VERDICT_FROM[verdict];
const VERDICT_TO: Readonly<Record<string, Verdict>> = {
  Pass: Verdict.PASS,
  Fail: Verdict.FAIL,
  Inconclusive: Verdict.INCONCLUSIVE,
  Error: Verdict.ERROR,
};
export const verdictTo = (verdict: string | undefined): Verdict => VERDICT_TO[verdict ?? ''] ?? Verdict.UNSPECIFIED;

export function splitFrom(split: SplitFile): SplitState {
  const artifact = artifactFrom(split.artifact);
  return {
    name: split.name,
    artifact: artifact ?? { digest: '', mediaType: '', sizeBytes: 0 },
    rows: Number(split.rows),
    startMs: msOf(split.dataInterval?.start),
    endMs: msOf(split.dataInterval?.end),
  };
}

export function splitTo(split: SplitState) {
  return {
    name: split.name,
    artifact: artifactTo(split.artifact),
    rows: BigInt(split.rows),
    dataInterval: { start: timestamp(split.startMs), end: timestamp(split.endMs) },
  };
}

/** Protobuf JSON, for what is kept only to be shown. */
export function shown<D extends DescMessage>(schema: D, message: MessageShape<D>): JsonObject {
  return toJson(schema, message, { registry, alwaysEmitImplicit: true }) as JsonObject;
}
