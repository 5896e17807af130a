// Written by tools/write-contracts-index.mjs.
import { file_rondo_common_v1_common } from './gen/rondo/common/v1/common_pb.js';
import { file_rondo_common_v1_options } from './gen/rondo/common/v1/options_pb.js';
import { file_rondo_control_v1_events } from './gen/rondo/control/v1/events_pb.js';
import { file_rondo_control_v1_service } from './gen/rondo/control/v1/service_pb.js';
import { file_rondo_data_v1_commands } from './gen/rondo/data/v1/commands_pb.js';
import { file_rondo_data_v1_events } from './gen/rondo/data/v1/events_pb.js';
import { file_rondo_data_v1_service } from './gen/rondo/data/v1/service_pb.js';
import { file_rondo_drift_v1_events } from './gen/rondo/drift/v1/events_pb.js';
import { file_rondo_drift_v1_service } from './gen/rondo/drift/v1/service_pb.js';
import { file_rondo_evaluation_v1_commands } from './gen/rondo/evaluation/v1/commands_pb.js';
import { file_rondo_evaluation_v1_events } from './gen/rondo/evaluation/v1/events_pb.js';
import { file_rondo_labeling_v1_commands } from './gen/rondo/labeling/v1/commands_pb.js';
import { file_rondo_labeling_v1_events } from './gen/rondo/labeling/v1/events_pb.js';
import { file_rondo_labeling_v1_service } from './gen/rondo/labeling/v1/service_pb.js';
import { file_rondo_platform_v1_commands } from './gen/rondo/platform/v1/commands_pb.js';
import { file_rondo_platform_v1_events } from './gen/rondo/platform/v1/events_pb.js';
import { file_rondo_rollout_v1_commands } from './gen/rondo/rollout/v1/commands_pb.js';
import { file_rondo_rollout_v1_events } from './gen/rondo/rollout/v1/events_pb.js';
import { file_rondo_rollout_v1_service } from './gen/rondo/rollout/v1/service_pb.js';
import { file_rondo_serving_v1_events } from './gen/rondo/serving/v1/events_pb.js';
import { file_rondo_training_v1_commands } from './gen/rondo/training/v1/commands_pb.js';
import { file_rondo_training_v1_events } from './gen/rondo/training/v1/events_pb.js';

/** Every .proto file of Rondo. */
export const protoFiles = [
  file_rondo_common_v1_common,
  file_rondo_common_v1_options,
  file_rondo_control_v1_events,
  file_rondo_control_v1_service,
  file_rondo_data_v1_commands,
  file_rondo_data_v1_events,
  file_rondo_data_v1_service,
  file_rondo_drift_v1_events,
  file_rondo_drift_v1_service,
  file_rondo_evaluation_v1_commands,
  file_rondo_evaluation_v1_events,
  file_rondo_labeling_v1_commands,
  file_rondo_labeling_v1_events,
  file_rondo_labeling_v1_service,
  file_rondo_platform_v1_commands,
  file_rondo_platform_v1_events,
  file_rondo_rollout_v1_commands,
  file_rondo_rollout_v1_events,
  file_rondo_rollout_v1_service,
  file_rondo_serving_v1_events,
  file_rondo_training_v1_commands,
  file_rondo_training_v1_events,
];
