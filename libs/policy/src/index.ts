export {
  admitPipeline,
  parseAdmitted,
  admittedDocument,
  admittedFiles,
  filesNamedBy,
  pipelineNamedBy,
  type Admission,
  type Submission,
} from './admit.js';
export { diffPipelines, toYaml, type DocumentChange } from './diff.js';
export type { Problem } from './document/problem.js';
export type { PipelineSpec, SpecOf } from './document/spec.js';
export type { PipelineDocument } from './document/schema.js';
export { pipelineJsonSchema, type JsonSchema } from './document/json-schema.js';
export { pipelineGuide } from './document/guide.js';
export { readYaml, type Reading, type SourceDocument } from './document/yaml-source.js';
export { pathText, type Path } from './document/path.js';
export { LIMITS as policyLimits } from './limits.js';
export {
  compileExpression,
  expressionProblem,
  type CompiledExpression,
  type Evaluation,
} from './expression/compile.js';
export {
  CONTEXTS as expressionContexts,
  type ContextName,
  type ContextValues,
  type ExpressionContext,
  type FieldType,
  type ReadValue,
} from './expression/contexts.js';
export type { ExpressionProblem } from './expression/syntax.js';
