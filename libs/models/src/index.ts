export * from './onnx/index.js';
export { inspectOnnx, type OnnxSummary, type TensorSignature } from './admission/inspect-onnx.js';
export { admitOnnx, type Admission, type AdmissionRequest, type AdmittedModel } from './admission/admit-onnx.js';
export { defaultAdmissionLimits, type AdmissionLimits } from './admission/limits.js';
export type { Finding, FindingCode } from './admission/finding.js';
export { createScorer, type LoadedModel, type Scorer, type ScorerOptions } from './scoring/scorer.js';
export { goldenCheck, type GoldenCheck } from './scoring/golden-check.js';
export { featureProblem, ModelLeases } from './scoring/model-leases.js';
