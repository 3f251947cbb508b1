{{/*
The container of wrinkle serve. Inference stays on loopback, where only the gateway beside it is; kubelet and Prometheus
reach metrics and health. A killed server's files in /dev/shm and /tmp outlive its container, and the next one has the
same process id, so that it could not tell them from its own.
*/}}
{{- define "wrinkle.serverContainer" -}}
{{- $root := .root -}}
{{- $tensorrt := eq $root.Values.runtime "tensorrt" -}}
- name: server
  image: {{ include "wrinkle.serverImage" . | quote }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  args: [sh, -c, "rm -rf /dev/shm/wrinkle-serve-* /tmp/wrinkle-serve-* && exec wrinkle serve"]
  env:
    - {name: WRINKLE_SERVE_CONFIG, value: /etc/wrinkle/serve.yaml}
    - {name: HOME, value: /var/lib/wrinkle}
    - {name: XDG_CACHE_HOME, value: /var/cache/wrinkle}
    - {name: TMPDIR, value: /tmp}
    {{- with $root.Values.tracing.headersSecretName }}
    - name: OTEL_EXPORTER_OTLP_HEADERS
      valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: headers}}
    {{- end }}
  ports:
    - {name: metrics, containerPort: 8002}
    - {name: health, containerPort: 8003}
  startupProbe:
    httpGet: {path: /readyz, port: health}
    periodSeconds: 5
    timeoutSeconds: 3
    failureThreshold: {{ div (add (int $root.Values.server.startupLimitS) 4) 5 }}
  readinessProbe:
    httpGet: {path: /readyz, port: health}
    periodSeconds: 5
    timeoutSeconds: 3
    failureThreshold: 2
  livenessProbe:
    httpGet: {path: /livez, port: health}
    periodSeconds: 15
    timeoutSeconds: 5
    failureThreshold: 4
  lifecycle:
    preStop: {sleep: {seconds: {{ include "wrinkle.serverPreStopS" $root }}}}
  resources:
    requests:
      cpu: {{ $root.Values.server.cpu | quote }}
      memory: {{ include "wrinkle.serverMemoryMib" $root }}Mi
      ephemeral-storage: {{ include "wrinkle.serverStorageMib" $root }}Mi
      {{- if $tensorrt }}
      {{ $root.Values.server.gpuResource }}: 1
      {{- end }}
    limits:
      cpu: {{ $root.Values.server.cpu | quote }}
      memory: {{ include "wrinkle.serverMemoryMib" $root }}Mi
      ephemeral-storage: {{ include "wrinkle.serverStorageMib" $root }}Mi
      {{- if $tensorrt }}
      {{ $root.Values.server.gpuResource }}: 1
      {{- end }}
  securityContext:
    {{- include "wrinkle.containerSecurity" $root | nindent 4 }}
  volumeMounts:
    - {name: settings, mountPath: /etc/wrinkle, readOnly: true}
    - {name: shared-memory, mountPath: /dev/shm}
    - {name: server-tmp, mountPath: /tmp}
    - {name: cache, mountPath: /var/cache/wrinkle}
    - {name: home, mountPath: /var/lib/wrinkle}
    - {name: log, mountPath: /var/log/wrinkle}
    {{- if $tensorrt }}
    - {name: repository, mountPath: /repository}
    {{- else if ne .artefact.source "bundled" }}
    - {name: artefact, mountPath: /artefact, readOnly: true}
    {{- end }}
{{- end -}}
