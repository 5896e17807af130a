export * from './messages.js';
export * as onnx from './gen/onnx/onnx-ml_pb.js';
export * as inference from './gen/inference/open_inference_pb.js';
export { registry, topicOf, allTopics, allServices } from './registry.js';
export { shapeViolations, type ShapeViolation } from './validation.js';
