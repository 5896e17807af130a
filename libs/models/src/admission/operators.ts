/**
 * Operators a tabular model needs. Left out on purpose: control flow (If, Loop, Scan) and everything whose output can be
 * much larger than its input because a value in the data says so (ConstantOfShape, Expand, Tile, Range, Pad, Resize, …),
 * maps and sequences (ZipMap, Sequence*), random numbers, text processing, and custom domains.
 */
export const allowedOperators: ReadonlySet<string> = new Set([
  ...named('ai.onnx', [
    ...[
      'Abs',
      'Add',
      'And',
      'ArgMax',
      'ArgMin',
      'Cast',
      'Ceil',
      'Clip',
      'Concat',
      'Constant',
      'Div',
      'Equal',
      'Erf',
      'Exp',
    ],
    ...['Flatten', 'Floor', 'Gather', 'Gemm', 'Greater', 'GreaterOrEqual', 'Identity', 'IsInf', 'IsNaN', 'Less'],
    ...[
      'LessOrEqual',
      'Log',
      'LogSoftmax',
      'MatMul',
      'Max',
      'Mean',
      'Min',
      'Mul',
      'Neg',
      'Not',
      'Or',
      'Pow',
      'Reciprocal',
    ],
    ...['ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceSum', 'Relu', 'Reshape', 'Round', 'Sigmoid', 'Sign', 'Slice'],
    ...[
      'Softmax',
      'Softplus',
      'Split',
      'Sqrt',
      'Squeeze',
      'Sub',
      'Sum',
      'Tanh',
      'Transpose',
      'Unsqueeze',
      'Where',
      'Xor',
    ],
  ]),
  ...named('ai.onnx.ml', [
    ...['ArrayFeatureExtractor', 'Binarizer', 'FeatureVectorizer', 'Imputer', 'LabelEncoder', 'LinearClassifier'],
    ...['LinearRegressor', 'Normalizer', 'OneHotEncoder', 'Scaler', 'TreeEnsemble', 'TreeEnsembleClassifier'],
    ...['TreeEnsembleRegressor'],
  ]),
]);

/** Operator sets a file may import. */
export const allowedDomains: ReadonlySet<string> = new Set(['ai.onnx', 'ai.onnx.ml']);

function named(domain: string, operators: readonly string[]): string[] {
  return operators.map((operator) => `${domain}.${operator}`);
}
