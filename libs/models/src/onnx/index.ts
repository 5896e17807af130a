/** Writing of models alone, for threads that do nothing else. */
export { constantToOnnx, linearToOnnx, modelToOnnx, treesToOnnx, type ModelMetadata } from './write-onnx.js';
