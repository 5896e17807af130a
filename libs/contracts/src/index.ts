export * from './messages.js';
export * as onnx from './gen/onnx/onnx-ml_pb.js';
export * as inference from './gen/inference/open_inference_pb.js';
export * as grpcHealth from './gen/grpc/health/v1/health_pb.js';
export * as grpcReflection from './gen/grpc/reflection/v1/reflection_pb.js';
export * as grpcReflectionAlpha from './gen/grpc/reflection/v1alpha/reflection_pb.js';
export { ARRIVALS_TOPIC, registry, topicOf, allTopics, allServices } from './registry.js';
export { prepareShapeRules, shapeViolations, type ShapeViolation } from './validation.js';
