{{/* The file that wrinkle serve reads. What assembling fixes stands here only where the server assembles by itself. */}}
{{- define "wrinkle.settings" -}}
{{- $server := .root.Values.server -}}
{{- $artefact := include "wrinkle.artefactOf" . | fromYaml -}}
{{- if eq .root.Values.runtime "tensorrt" -}}
model_repository: /repository/served
{{- else -}}
models: {{ join "," $server.models | quote }}
precision: {{ $server.precision }}
instances: {{ $server.instances }}
threads: {{ $server.threads }}
max_encoded_mib: {{ $server.maxEncodedMib }}
max_pixels_mpx: {{ $server.maxPixelsMpx }}
max_waiting: {{ $server.maxWaiting }}
max_queue_size: {{ $server.maxQueueSize }}
{{- if ne $artefact.source "bundled" }}
build: {{ include "wrinkle.artefactPath" $artefact }}
{{- end }}
{{- end }}
host: 127.0.0.1
http: bare
open_monitoring: true
log_level: {{ $server.logLevel }}
log_file: /var/log/wrinkle/tritonserver.log
step_limit_s: {{ $server.stepLimitS }}
exit_timeout_s: {{ $server.exitTimeoutS }}
max_memory_mib: {{ include "wrinkle.memoryCeilingMib" .root }}
{{- with .root.Values.tracing.otlpEndpoint }}
otlp_endpoint: {{ . | quote }}
trace_sample_rate: {{ $.root.Values.tracing.sampleRate }}
{{- end }}
{{- end -}}
