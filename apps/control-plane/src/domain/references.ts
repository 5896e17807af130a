/** Content-addressed bytes, as documents keep them. */
export interface ArtifactReference {
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
}

/** One model version; version 0 is not registered. */
export interface ModelReference {
  readonly name: string;
  readonly version: number;
  readonly digest: string;
}

/** A number with its interval and its n. */
export interface EstimateValue {
  readonly name: string;
  readonly value: number;
  readonly lower?: number;
  readonly upper?: number;
  readonly confidence: number;
  readonly n: number;
  readonly slice: string;
  readonly method: string;
  readonly limit?: number;
}

export interface ActorReference {
  readonly id: string;
  readonly kind: 'human' | 'service' | 'policy';
  readonly roles: readonly string[];
}

export interface FindingValue {
  readonly code: string;
  readonly severity: 'advisory' | 'requires-review' | 'blocking';
  readonly message: string;
  readonly field: string;
  readonly rule: string;
  readonly count: number;
  readonly samplesJson: readonly string[];
}
