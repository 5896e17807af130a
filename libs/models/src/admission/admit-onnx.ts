import type { onnx } from '@rondo/contracts';
import { finding, type Finding } from './finding.js';
import { canonicalDomain, featureNamesText, summarise, type OnnxSummary } from './inspect-onnx.js';
import { defaultAdmissionLimits, type AdmissionLimits } from './limits.js';
import { allowedDomains, allowedOperators } from './operators.js';
import { parseOnnx } from './parse-onnx.js';
import { signatureFindings } from './signature-check.js';
import { tensorFindings } from './tensor-check.js';

/** What a caller may ask of a file beyond the defaults. */
export interface AdmissionRequest extends Partial<AdmissionLimits> {
  /** Number of features the model must take; any when absent. */
  readonly features?: number;
}

/** A file that may be loaded. */
export interface AdmittedModel extends OnnxSummary {
  /** Number of features the model takes. */
  readonly features: number;
}

/** The verdict: what the file is, or every reason to refuse it (at most 100). */
export type Admission =
  | { readonly admitted: true; readonly model: AdmittedModel }
  | { readonly admitted: false; readonly findings: readonly Finding[] };

const findingsMax = 100;

/**
 * Decides whether a model file may be run: it is complete in itself (no external data, no functions), built of the
 * operators tabular models need, without control flow, of bounded size, and has the signature `X` float32 [N, features] →
 * `label` int64 [N], `probabilities` float32 [N, 2]. Looks only at the bytes; runs nothing; never throws for any bytes.
 */
export function admitOnnx(bytes: Uint8Array, request: AdmissionRequest = {}): Admission {
  const decoded = decodeAdmitted(bytes, request);
  if ('findings' in decoded) return { admitted: false, findings: decoded.findings };
  return { admitted: true, model: decoded.summary };
}

/** An admitted file with its decoded contents, for readers inside this library. */
export interface DecodedModel {
  readonly graph: onnx.GraphProto;
  readonly summary: AdmittedModel;
}

/** {@link admitOnnx} that also hands out the decoded graph. */
export function decodeAdmitted(
  bytes: Uint8Array,
  request: AdmissionRequest,
): DecodedModel | { readonly findings: readonly Finding[] } {
  const limits: AdmissionLimits = { ...defaultAdmissionLimits, ...request };
  const parsed = parseOnnx(bytes, limits);
  if ('refused' in parsed) return { findings: [parsed.refused] };
  const { model, graph } = parsed;
  const summary = summarise(model, graph, bytes.length);
  const signature = signatureFindings(summary, request.features);
  const findings = [
    ...modelFindings(model),
    ...graphFindings(graph, limits),
    ...signature.findings,
    ...featureNameFindings(model, summary, signature.features),
  ];
  if (findings.length > 0) return { findings: findings.slice(0, findingsMax) };
  return { graph, summary: { ...summary, features: signature.features! } };
}

function modelFindings(model: onnx.ModelProto): Finding[] {
  const findings: Finding[] = [];
  if (model.functions.length > 0) {
    findings.push(finding('local-function', 'functions', model.functions.length, 'no functions of its own'));
  }
  if (model.trainingInfo.length > 0) {
    findings.push(finding('training-info', 'training_info', model.trainingInfo.length, 'no training graphs'));
  }
  for (const [index, { domain }] of model.opsetImport.entries()) {
    if (allowedDomains.has(canonicalDomain(domain))) continue;
    findings.push(finding('unknown-domain', `opset_import[${index}].domain`, domain, 'ai.onnx or ai.onnx.ml'));
  }
  return findings;
}

function graphFindings(graph: onnx.GraphProto, limits: AdmissionLimits): Finding[] {
  const findings: Finding[] = [];
  if (graph.node.length > limits.nodesMax) {
    findings.push(finding('too-many-nodes', 'graph.node', graph.node.length, `at most ${limits.nodesMax} operators`));
  }
  if (graph.sparseInitializer.length > 0) {
    findings.push(finding('sparse-tensor', 'graph.sparse_initializer', graph.sparseInitializer.length, 'none'));
  }
  for (const [index, tensor] of graph.initializer.entries()) {
    findings.push(...tensorFindings(tensor, `graph.initializer[${index}]`));
  }
  for (const [index, node] of graph.node.entries())
    findings.push(...nodeFindings(node, `graph.node[${index}]`, limits));
  return findings;
}

function nodeFindings(node: onnx.NodeProto, field: string, limits: AdmissionLimits): Finding[] {
  const findings: Finding[] = [];
  const domain = canonicalDomain(node.domain);
  if (!allowedDomains.has(domain)) {
    findings.push(finding('unknown-domain', `${field}.domain`, node.domain, 'ai.onnx or ai.onnx.ml'));
  } else if (!allowedOperators.has(`${domain}.${node.opType}`)) {
    findings.push(
      finding('operator-not-allowed', `${field}.op_type`, node.opType, 'one of the operators of tabular models'),
    );
  }
  if (node.overload !== '') findings.push(finding('local-function', `${field}.overload`, node.overload, 'empty'));
  for (const [index, attribute] of node.attribute.entries()) {
    findings.push(...attributeFindings(attribute, `${field}.attribute[${index}]`, limits));
  }
  return findings;
}

/** Looks at every part of an attribute, whatever its `type` says: a reader may obey the contents instead. */
function attributeFindings(attribute: onnx.AttributeProto, field: string, limits: AdmissionLimits): Finding[] {
  const findings: Finding[] = [];
  if (attribute.g || attribute.graphs.length > 0)
    findings.push(finding('sub-graph', `${field}.g`, attribute.name, 'no sub-graphs'));
  if (attribute.sparseTensor || attribute.sparseTensors.length > 0) {
    findings.push(finding('sparse-tensor', `${field}.sparse_tensor`, attribute.name, 'no sparse tensors'));
  }
  if (attribute.refAttrName !== '') {
    findings.push(
      finding('local-function', `${field}.ref_attr_name`, attribute.refAttrName, 'empty outside functions'),
    );
  }
  if (attribute.t) findings.push(...tensorFindings(attribute.t, `${field}.t`));
  for (const [index, tensor] of attribute.tensors.entries()) {
    findings.push(...tensorFindings(tensor, `${field}.tensors[${index}]`));
  }
  const texts = [attribute.s, ...attribute.strings];
  const longest = Math.max(
    attribute.ints.length,
    attribute.floats.length,
    attribute.strings.length,
    texts.reduce((most, { length }) => Math.max(most, length), 0),
  );
  if (longest > limits.attributeLengthMax) {
    const rule = `at most ${limits.attributeLengthMax} elements or bytes`;
    findings.push(finding('attribute-too-long', field, `${attribute.name}: ${longest}`, rule));
  }
  return findings;
}

function featureNameFindings(model: onnx.ModelProto, summary: OnnxSummary, features: number | undefined): Finding[] {
  const text = featureNamesText(model);
  if (text === undefined || features === undefined) return [];
  const { featureNames } = summary;
  if (featureNames?.length === features && new Set(featureNames).size === features) return [];
  return [
    finding('feature-names', 'metadata_props', text, `JSON array of ${features} different names, one per feature`),
  ];
}
