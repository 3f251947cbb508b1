{{/*
The gateway beside the server. Its certificate is read at the start, its tokens whenever their Secret changes; without
tokens clients are known by their certificates.
*/}}
{{- define "wrinkle.gatewayContainer" -}}
{{- $root := .root -}}
{{- $gateway := $root.Values.gateway -}}
- name: gateway
  image: {{ include "wrinkle.gatewayImage" . | quote }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  args:
    - wrinkle
    - gateway
    - run
    - --host=0.0.0.0
    - --port=8443
    - --backend=127.0.0.1
    - --certificate=/etc/wrinkle-tls/tls.crt
    - --private-key=/etc/wrinkle-tls/tls.key
    {{- if $gateway.tls.clientCaSecretName }}
    - --client-ca=/etc/wrinkle-client-ca/ca.crt
    {{- end }}
    {{- if $gateway.tokensSecretName }}
    - --token-file=/etc/wrinkle-tokens/tokens
    {{- end }}
    - --max-body-bytes={{ add (mul (int $root.Values.server.maxEncodedMib) 1048576) 65536 }}
    - --requests-per-minute={{ int $gateway.requestsPerMinute }}
    - --burst={{ int $gateway.burst }}
    - --request-timeout-s={{ $gateway.requestTimeoutS }}
    - --drain-timeout-s={{ $gateway.drainTimeoutS }}
    - --workers={{ $gateway.workers }}
    {{- with $root.Values.tracing.otlpEndpoint }}
    - --otlp-endpoint={{ . }}
    - --trace-sample-rate={{ $root.Values.tracing.sampleRate }}
    {{- end }}
  env:
    - {name: HOME, value: /tmp}
    - {name: TMPDIR, value: /tmp}
  ports:
    - {name: gateway, containerPort: 8443}
  startupProbe:
    tcpSocket: {port: gateway}
    periodSeconds: 2
    timeoutSeconds: 2
    failureThreshold: 30
  readinessProbe:
    tcpSocket: {port: gateway}
    periodSeconds: 5
    timeoutSeconds: 2
    failureThreshold: 2
  livenessProbe:
    tcpSocket: {port: gateway}
    periodSeconds: 15
    timeoutSeconds: 5
    failureThreshold: 4
  lifecycle:
    preStop: {sleep: {seconds: {{ int $gateway.balancerDelayS }}}}
  resources:
    requests:
      cpu: {{ $gateway.cpu | quote }}
      memory: {{ int $gateway.memoryMib }}Mi
      ephemeral-storage: 128Mi
    limits:
      cpu: {{ $gateway.cpu | quote }}
      memory: {{ int $gateway.memoryMib }}Mi
      ephemeral-storage: 128Mi
  securityContext:
    {{- include "wrinkle.containerSecurity" $root | nindent 4 }}
  volumeMounts:
    - {name: gateway-tmp, mountPath: /tmp}
    - {name: tls, mountPath: /etc/wrinkle-tls, readOnly: true}
    {{- if $gateway.tls.clientCaSecretName }}
    - {name: client-ca, mountPath: /etc/wrinkle-client-ca, readOnly: true}
    {{- end }}
    {{- if $gateway.tokensSecretName }}
    - {name: tokens, mountPath: /etc/wrinkle-tokens, readOnly: true}
    {{- end }}
{{- end -}}
