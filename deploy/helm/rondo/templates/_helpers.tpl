{{- define "rondo.name" -}}
{{- printf "%s-%s" .root.Release.Name .service | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "rondo.selector" -}}
app.kubernetes.io/name: rondo
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .service }}
{{- end -}}

{{- define "rondo.labels" -}}
{{ include "rondo.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "rondo.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "rondo.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "rondo.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "rondo.secretVariable" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef: { name: {{ .secret | quote }}, key: {{ .key | quote }} }
{{- end -}}

{{/* The variables of one service. */}}
{{- define "rondo.environment" -}}
{{- $values := .root.Values -}}
{{- $root := .root -}}
- name: RONDO_HOST
  value: 0.0.0.0
- name: RONDO_REPLICA
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: RONDO_KAFKA_BROKERS
  value: {{ join "," $values.kafka.brokers | quote }}
- name: RONDO_KAFKA_PARTITIONS
  value: {{ $values.kafka.partitions | quote }}
- name: RONDO_KAFKA_RETENTION_MS
  value: {{ $values.kafka.retention | quote }}
- name: RONDO_KAFKA_REPLICATION
  value: {{ $values.kafka.replication | quote }}
- name: RONDO_KAFKA_MIN_IN_SYNC
  value: {{ $values.kafka.minInSync | quote }}
{{- with $values.kafka.namespace }}
- name: RONDO_KAFKA_NAMESPACE
  value: {{ . | quote }}
{{- end }}
{{- if $values.kafka.tls.enabled }}
- name: RONDO_KAFKA_TLS
  value: 'true'
{{- if $values.kafka.tls.caSecret.name }}
- name: RONDO_KAFKA_TLS_CA_FILE
  value: /etc/rondo-kafka/ca.crt
{{- end }}
{{- end }}
{{- with $values.kafka.sasl }}
{{- if .mechanism }}
- name: RONDO_KAFKA_SASL_MECHANISM
  value: {{ .mechanism | quote }}
- name: RONDO_KAFKA_SASL_USERNAME
  value: {{ .username | quote }}
{{ include "rondo.secretVariable" (dict "name" "RONDO_KAFKA_SASL_PASSWORD" "secret" .passwordSecret.name "key" .passwordSecret.key) }}
{{- end }}
{{- end }}
{{ include "rondo.secretVariable" (dict "name" "RONDO_MONGODB_URL" "secret" $values.mongodb.urlSecret.name "key" $values.mongodb.urlSecret.key) }}
- name: RONDO_MONGODB_DATABASE
  value: {{ $values.mongodb.database | quote }}
- name: RONDO_S3_BUCKET
  value: {{ $values.s3.bucket | quote }}
- name: RONDO_S3_REGION
  value: {{ $values.s3.region | quote }}
{{- with $values.s3.endpoint }}
- name: RONDO_S3_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with $values.s3.keysSecret }}
{{- if .name }}
{{ include "rondo.secretVariable" (dict "name" "RONDO_S3_ACCESS_KEY_ID" "secret" .name "key" .accessKeyId) }}
{{ include "rondo.secretVariable" (dict "name" "RONDO_S3_SECRET_ACCESS_KEY" "secret" .name "key" .secretAccessKey) }}
{{- end }}
{{- end }}
{{ include "rondo.secretVariable" (dict "name" "RONDO_SESSION_KEY" "secret" $values.sessionKeySecret.name "key" $values.sessionKeySecret.key) }}
- name: RONDO_TOKENS_FILE
  value: /etc/rondo/tokens.json
- name: RONDO_LOG_LEVEL
  value: {{ $values.logLevel | quote }}
- name: RONDO_SHUTDOWN_MS
  value: {{ printf "%ds" (int $values.shutdownSeconds) | quote }}
- name: RONDO_SCRATCH_FOLDER
  value: /tmp
{{- with $values.publicHosts }}
- name: RONDO_PUBLIC_HOSTS
  value: {{ join "," . | quote }}
{{- end }}
{{- with $values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- if eq .service "control-plane" }}
- name: RONDO_CONSOLE_FOLDER
  value: /rondo/apps/console/dist
{{- range $variable, $target := dict "RONDO_DATA_PREP_ADDRESS" "data-prep" "RONDO_DRIFT_MONITOR_ADDRESS" "drift-monitor" "RONDO_LABELING_ADDRESS" "labeling" "RONDO_ROLLOUT_ADDRESS" "rollout" }}
- name: {{ $variable }}
  value: {{ printf "%s:4701" (include "rondo.name" (dict "root" $root "service" $target)) | quote }}
{{- end }}
- name: RONDO_DATA_PREP_HTTP
  value: {{ printf "http://%s:4700" (include "rondo.name" (dict "root" $root "service" "data-prep")) | quote }}
{{- with $values.traceUrlTemplate }}
- name: RONDO_TRACE_URL_TEMPLATE
  value: {{ . | quote }}
{{- end }}
{{- with $values.webhookSecret }}
{{- if .name }}
{{ include "rondo.secretVariable" (dict "name" "RONDO_WEBHOOK_SECRET" "secret" .name "key" .key) }}
{{- end }}
{{- end }}
{{- end }}
{{- if eq .service "data-prep" }}
- name: RONDO_DATA_ROOTS
  value: /inbox
{{- end }}
{{- if eq .service "training" }}
- name: RONDO_TRAINER_FOLDER
  value: /tmp
{{- end }}
{{- if eq .service "inference-gateway" }}
- name: RONDO_GATEWAY_HOST
  value: 0.0.0.0
- name: RONDO_GATEWAY_STATE_FOLDER
  value: /var/lib/rondo/gateway
{{- end }}
{{- range $name, $value := .settings.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* What the replicas of a service share: consumer groups, and kinds of jobs that take their time. A check compares them with the code. */}}
{{- define "rondo.sharedWork" -}}
control-plane: { groups: [control-plane, control-plane.notifications] }
data-prep: { groups: [data-prep, data-prep.arrivals], jobs: [ingest, prepare-snapshot] }
drift-monitor: { groups: [drift-monitor], jobs: [profile-reference, evaluate-drift, evaluate-performance, issue-forecasts] }
labeling: { groups: [labeling], jobs: [open-label-campaign] }
training: { groups: [training], jobs: [train-candidate] }
evaluation: { groups: [evaluation], jobs: [evaluate-candidate] }
rollout: { groups: [rollout] }
{{- end -}}
