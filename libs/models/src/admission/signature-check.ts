import { finding, type Finding } from './finding.js';
import type { OnnxSummary, TensorSignature } from './inspect-onnx.js';

/** More columns than any tabular model has; bounds the memory of a request's rows. */
const featuresMax = 4096;

/** Compares a file's inputs and outputs with `X` [N, features] → `label` [N], `probabilities` [N, 2]. */
export function signatureFindings(
  { signature: { inputs, outputs } }: OnnxSummary,
  wanted: number | undefined,
): { readonly findings: Finding[]; readonly features: number | undefined } {
  const findings: Finding[] = [];
  const [x] = inputs;
  if (inputs.length !== 1 || x?.name !== 'X') {
    findings.push(finding('wrong-inputs', 'graph.input', namesOf(inputs), 'one input, named X'));
  } else {
    findings.push(...inputFindings(x, wanted));
  }
  const label = outputs.find(({ name }) => name === 'label');
  const probabilities = outputs.find(({ name }) => name === 'probabilities');
  if (outputs.length !== 2 || !label || !probabilities) {
    findings.push(finding('wrong-outputs', 'graph.output', namesOf(outputs), 'two outputs, label and probabilities'));
  } else {
    findings.push(...outputFindings(label, 'int64', [null]), ...outputFindings(probabilities, 'float32', [null, 2]));
  }
  const width = x?.dims?.[1];
  return { findings, features: typeof width === 'number' ? width : undefined };
}

function inputFindings(x: TensorSignature, wanted: number | undefined): Finding[] {
  if (x.elementType !== 'float32') return [finding('wrong-type', 'graph.input[X]', x.elementType, 'float32')];
  const [rows, features] = x.dims ?? [];
  if (x.dims?.length !== 2 || typeof rows === 'number') {
    return [finding('wrong-shape', 'graph.input[X]', shapeOf(x), '[N, features] with N left open')];
  }
  if (typeof features !== 'number' || features < 1 || features > featuresMax) {
    return [finding('wrong-shape', 'graph.input[X]', shapeOf(x), `number of features given, 1 to ${featuresMax}`)];
  }
  if (wanted !== undefined && features !== wanted) {
    return [finding('feature-count', 'graph.input[X]', features, `${wanted} features`)];
  }
  return [];
}

/** A size the file leaves open is checked again on every answer. */
function outputFindings(output: TensorSignature, elementType: string, dims: readonly (number | null)[]): Finding[] {
  const field = `graph.output[${output.name}]`;
  if (output.elementType !== elementType) return [finding('wrong-type', field, output.elementType, elementType)];
  if (!output.dims) return [];
  const fits =
    output.dims.length === dims.length &&
    output.dims.every((size, index) => typeof size !== 'number' || size === dims[index]);
  if (fits) return [];
  return [finding('wrong-shape', field, shapeOf(output), `[${['N', ...dims.slice(1)].join(', ')}] with N left open`)];
}

function namesOf(values: readonly TensorSignature[]): string {
  return values.map(({ name }) => name).join(', ');
}

function shapeOf({ dims }: TensorSignature): string {
  return dims ? `[${dims.map((size) => size ?? '?').join(', ')}]` : 'no shape';
}
