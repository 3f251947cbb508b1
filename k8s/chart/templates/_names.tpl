{{- define "wrinkle.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters, so that every suffix still fits into a DNS label. */}}
{{- define "wrinkle.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "wrinkle.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "wrinkle.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of a track's Deployment: the stable one has the release's own name. */}}
{{- define "wrinkle.trackName" -}}
{{- include "wrinkle.fullname" .root }}{{ if ne .track "stable" }}-{{ .track }}{{ end -}}
{{- end -}}

{{- define "wrinkle.selectorLabels" -}}
app.kubernetes.io/name: {{ include "wrinkle.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "wrinkle.labels" -}}
{{ include "wrinkle.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* The pods that answer requests: not those of the plan jobs, which carry another component. */}}
{{- define "wrinkle.servingLabels" -}}
{{ include "wrinkle.selectorLabels" . }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "wrinkle.serviceAccountName" -}}
{{- default (include "wrinkle.fullname" .) .Values.serviceAccountName -}}
{{- end -}}

{{/* The Secret with the gateway's certificate, given or made by cert-manager. */}}
{{- define "wrinkle.tlsSecretName" -}}
{{- if .Values.gateway.tls.certManager.enabled -}}
{{- printf "%s-tls" (include "wrinkle.fullname" .) -}}
{{- else -}}
{{- .Values.gateway.tls.secretName -}}
{{- end -}}
{{- end -}}

{{- define "wrinkle.planCacheClaim" -}}
{{- default (printf "%s-plans" (include "wrinkle.fullname" .)) .Values.plans.cache.existingClaim -}}
{{- end -}}
