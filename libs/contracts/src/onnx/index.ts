/** The messages of ONNX alone: a thread that writes a model needs neither Rondo's messages nor their validation. */
export * from '../gen/onnx/onnx-ml_pb.js';
