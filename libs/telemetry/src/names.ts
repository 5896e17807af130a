/** Attributes of spans and fields of log lines, with their meaning. `docs/telemetry.md` lists the same; a spec keeps both equal. */
export const ATTRIBUTES = {
  'rondo.pipeline.name': 'Pipeline the work belongs to.',
  'rondo.cycle.id': 'Cycle the work belongs to; children inherit it.',
  'rondo.cycle.number': 'Number of the cycle inside its pipeline.',
  'rondo.phase': 'Phase of the cycle.',
  'rondo.attempt': 'Attempt of the step or job, from 1.',
  'rondo.decision.id': 'Decision that was made.',
  'rondo.verdict': 'Verdict of a decision, gate or analysis.',
  'rondo.reason': 'First failing check, or what fired.',
  'rondo.policy.generation': 'Generation of the policy in force.',
  'rondo.model.version': 'Model version, `name/number`.',
  'rondo.endpoint': 'Serving endpoint.',
  'rondo.batch.id': 'Data batch.',
  'rondo.job.id': 'Durable job.',
  'rondo.job.attempt': 'Attempt of the job, from 1.',
  'rondo.job.final': 'True when no attempt follows.',
  'rondo.delivery.attempt': 'How often the message was handed over, from 1.',
  'rondo.delivery.waited_ms': 'Time from the commit of a message until it was handled, in milliseconds.',
  'rondo.principal': 'Who called.',
  'rondo.code': 'Error code, from the closed list.',
  'cicd.pipeline.name': 'OpenTelemetry name of the pipeline, on `RUN` spans.',
  'cicd.pipeline.run.id': 'OpenTelemetry name of the cycle id, on `RUN` spans.',
  'cicd.pipeline.result': '`success`, `failure`, `timeout`, `skip`, `cancellation` or `error`.',
  'cicd.pipeline.task.name': 'Phase, on `phase` spans.',
  'messaging.system': '`rondo` (embedded) or `kafka`.',
  'messaging.operation.name': '`process`.',
  'messaging.operation.type': '`process`.',
  'messaging.destination.name': 'Topic.',
  'messaging.destination.partition.id': 'Partition of the topic.',
  'messaging.consumer.group.name': 'Consumer group.',
  'messaging.message.id': 'Message id.',
  'rpc.system': '`grpc` or `connect_rpc`.',
  'rpc.service': 'Full name of the RPC service.',
  'rpc.method': 'Method of the RPC service.',
  'error.type': 'Class or code of the failure.',
  service: 'Service that wrote the line or span.',
  time: 'When the log line was written, RFC 3339.',
  level: '`debug`, `info`, `warn` or `error`.',
  message: 'What happened, in words.',
  trace_id: 'Trace the log line belongs to.',
  span_id: 'Span the log line belongs to.',
  error: 'The failure with its chain of causes.',
} as const;

/** Spans by the form of their name; braces stand for low-cardinality values. */
export const SPANS = {
  'RUN {pipeline}': 'One summary per cycle, written at its end; links the trace that started it.',
  'phase {phase}': 'A phase of a cycle, below its summary; links the trace that began it.',
  'decide trigger': 'Whether an event starts a cycle, below the handling that decided.',
  'process {type}': 'A message is handled; its parent is the span that journaled the message.',
  'job {kind}': 'One attempt of a durable job.',
  '{package}.{Service}/{Method}': 'An RPC, seen by the server.',
  'POST /v1/events': 'An announcement over HTTP; one span per event of a batch.',
} as const;

/** How a metric behaves. */
export interface MetricName {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
}

const counter = (help: string, ...labels: string[]): MetricName => ({ kind: 'counter', labels, help });
const gauge = (help: string, ...labels: string[]): MetricName => ({ kind: 'gauge', labels, help });
const histogram = (help: string, ...labels: string[]): MetricName => ({ kind: 'histogram', labels, help });

/** Every metric of Rondo: base units, `_total` on counters, labels of bounded cardinality. */
export const METRICS: Readonly<Record<string, MetricName>> = {
  rondo_build_info: gauge('Version that runs; always 1.', 'version'),
  rondo_command_requests_total: counter('RPCs answered, by code.', 'method', 'code'),
  rondo_command_duration_seconds: histogram('Time to answer an RPC.', 'method'),
  rondo_access_denied_total: counter('Calls refused for want of a token or a role.', 'reason'),
  rondo_stream_clients: gauge('Open console streams.'),
  rondo_ingest_events_total: counter('Announcements received over HTTP.', 'result'),
  rondo_ingest_request_duration_seconds: histogram('Time to answer an announcement.'),
  rondo_consumer_lag_seconds: gauge('Age of the oldest unprocessed message.', 'group', 'topic'),
  rondo_consumer_lag_records: gauge('Unprocessed messages.', 'group', 'topic'),
  rondo_event_process_duration_seconds: histogram('Time to handle a message.', 'handler', 'result'),
  rondo_event_redeliveries_total: counter('Messages handled again.', 'handler'),
  rondo_parked_messages: gauge('Messages set aside with their reason.', 'group'),
  rondo_parked_oldest_age_seconds: gauge('Age of the oldest message set aside.', 'group'),
  rondo_jobs_active: gauge('Durable jobs that run or wait.', 'kind', 'state'),
  rondo_job_duration_seconds: histogram('Time of one attempt of a job.', 'kind', 'result'),
  rondo_trigger_evaluations_total: counter('Decisions, by verdict.', 'pipeline', 'result'),
  rondo_cycles_started_total: counter('Cycles started.', 'pipeline', 'trigger'),
  rondo_cycles_finished_total: counter('Cycles finished.', 'pipeline', 'outcome'),
  rondo_cycles_active: gauge('Cycles under way.', 'pipeline', 'phase'),
  rondo_phase_duration_seconds: histogram('Time spent in a phase.', 'pipeline', 'phase', 'outcome'),
  rondo_cycle_phase_age_seconds: gauge('Age of the present phase.', 'pipeline', 'phase'),
  rondo_pipeline_has_champion: gauge('1 while a champion serves the pipeline.', 'pipeline'),
  rondo_model_age_seconds: gauge('Age of the champion.', 'pipeline'),
  rondo_forecast_breach_probability: gauge(
    'Probability that a series reaches its limit within the horizon, by the newest forecast.',
    'pipeline',
    'series',
  ),
  rondo_forecast_breach_probability_bound: gauge(
    'Bounds of its 80 % interval; `bound` is lower or upper.',
    'pipeline',
    'series',
    'bound',
  ),
  rondo_forecast_origins: gauge('Past moments that share no step, on which it rests.', 'pipeline', 'series'),
  rondo_approvals_pending: gauge('Approvals waiting for votes.', 'pipeline'),
  rondo_approvals_total: counter('Approvals closed, by decision.', 'decision'),
  rondo_approval_wait_seconds: histogram('Time from request to close of an approval.'),
  rondo_rollout_traffic_ratio: gauge('Share of traffic by arm.', 'pipeline', 'arm'),
  rondo_canary_value: gauge('Last measured value.', 'pipeline', 'arm', 'metric'),
  rondo_canary_value_bound: gauge(
    'Bounds of its interval, NaN where it has none; `bound` is lower or upper.',
    'pipeline',
    'arm',
    'metric',
    'bound',
  ),
  rondo_canary_value_rows: gauge('Labels or requests on which it rests.', 'pipeline', 'arm', 'metric'),
  rondo_canary_limit: gauge('Limit the value is compared with.', 'pipeline', 'metric'),
  rondo_canary_samples_total: counter('Labelled predictions compared.', 'pipeline', 'arm'),
  rondo_canary_verdicts_total: counter('Looks at a canary, by verdict.', 'pipeline', 'verdict'),
  rondo_rollbacks_total: counter('Rollbacks, by cause.', 'pipeline', 'cause'),
  rondo_rollback_duration_seconds: histogram('Time from the decision until no traffic is left.', 'pipeline'),
  rondo_serving_epoch: gauge('Epoch of the routing by which this gateway answers.', 'endpoint'),
  rondo_predictions_total: counter('Rows predicted.', 'endpoint', 'arm'),
  rondo_inference_request_duration_seconds: histogram('Time to answer an inference request.', 'endpoint'),
  rondo_uncompared_rows_total: counter(
    'Rows of a rollout that were answered and, for want of room, not compared.',
    'endpoint',
  ),
  rondo_dropped_predictions_total: counter('Messages with predictions dropped because the bus was away for too long.'),
  rondo_audit_chain_broken: gauge('1 when the last verification found a broken chain.', 'service'),
  rondo_webhook_deliveries_total: counter('Notifications sent, by result.', 'result'),
};

/** Names as the table of docs/telemetry.md shows them. */
export function telemetryDocument(): string {
  const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
    [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
  const code = (text: string): string => `\`${text}\``;
  return `# Telemetry

Written from \`libs/telemetry/src/names.ts\`; a spec of that library fails when both differ.

Traces follow OpenTelemetry; context travels as W3C \`traceparent\`. A cycle may last days, so each command, each handled
message and each attempt of a phase is a trace of its own, linked to its cause; search by \`rondo.cycle.id\`.

## Spans

${table(
  ['name', 'meaning'],
  Object.entries(SPANS).map(([name, meaning]) => [code(name), meaning]),
)}

## Attributes and log fields

${table(
  ['name', 'meaning'],
  Object.entries(ATTRIBUTES).map(([name, meaning]) => [code(name), meaning]),
)}

## Metrics

Besides these, \`process_*\` and \`nodejs_*\` of the running process.

${table(
  ['name', 'kind', 'labels', 'meaning'],
  Object.entries(METRICS).map(([name, metric]) => [
    code(name),
    metric.kind,
    metric.labels.map(code).join(', ') || '–',
    metric.help,
  ]),
)}
`;
}
