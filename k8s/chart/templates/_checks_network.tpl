{{/* Who reaches the pods, by which name and certificate, and what the pods reach. */}}
{{- define "wrinkle.checkNetwork" -}}
{{- $v := .Values -}}
{{- $tls := $v.gateway.tls -}}
{{- if and $tls.certManager.enabled $tls.secretName -}}
{{- fail "gateway.tls.secretName is not read with gateway.tls.certManager.enabled, which makes a Secret of its own. Leave one of them out." -}}
{{- end -}}
{{- if ge (int $tls.certManager.renewBeforeHours) (int $tls.certManager.durationHours) -}}
{{- fail "gateway.tls.certManager.renewBeforeHours must be less than durationHours." -}}
{{- end -}}
{{- if ne $v.exposure.type "none" -}}
{{- if eq $v.exposure.hostname $v.exposure.grpcHostname -}}
{{- fail "exposure.grpcHostname must differ from exposure.hostname: Gateway API lets no HTTPRoute and GRPCRoute share a host." -}}
{{- end -}}
{{- if $tls.clientCaSecretName -}}
{{- fail "gateway.tls.clientCaSecretName goes with exposure.type none: routes and Ingress end TLS before the pods and show no certificate of the client." -}}
{{- end -}}
{{- end -}}
{{- if and $v.tracing.otlpEndpoint $v.networkPolicy.enabled (not $v.networkPolicy.egress) -}}
{{- fail "tracing.otlpEndpoint needs networkPolicy.egress: without a rule no pod reaches the collector." -}}
{{- end -}}
{{- if and $v.tracing.headersSecretName (not $v.tracing.otlpEndpoint) -}}
{{- fail "tracing.headersSecretName goes with tracing.otlpEndpoint: there is nobody to send the headers to." -}}
{{- end -}}
{{- end -}}
