/** Domain of ONNX's classical machine-learning operators. */
export const mlDomain = 'ai.onnx.ml';

/** Metadata key under which a model file keeps its feature names, a JSON array of text in column order. */
export const featureNamesKey = 'rondo.feature_names';
