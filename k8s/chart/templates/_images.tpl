{{/* A whole image reference from repository, tag and digest; the digest decides when there are both. */}}
{{- define "wrinkle.imageReference" -}}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end -}}
{{- end -}}

{{/* What a track runs: the canary's own image where it names one. An override is whole: no tag is mixed with a digest. */}}
{{- define "wrinkle.serverImage" -}}
{{- $own := .root.Values.canary.image -}}
{{- if and (eq .track "canary") (or $own.repository $own.tag $own.digest) -}}
{{- include "wrinkle.imageReference" (dict "repository" (default .root.Values.image.repository $own.repository) "tag" $own.tag "digest" $own.digest) -}}
{{- else -}}
{{- include "wrinkle.imageReference" .root.Values.image -}}
{{- end -}}
{{- end -}}

{{/* Plans are built with the TensorRT of the server image that loads them, so a canary's own image has its own builder. */}}
{{- define "wrinkle.plansImage" -}}
{{- $own := .root.Values.canary.plansImage -}}
{{- include "wrinkle.imageReference" (ternary $own .root.Values.plans.image (and (eq .track "canary") (ne $own.repository ""))) -}}
{{- end -}}

{{- define "wrinkle.gatewayImage" -}}
{{- $own := .root.Values.gateway.image -}}
{{- if $own.repository -}}
{{- include "wrinkle.imageReference" $own -}}
{{- else -}}
{{- include "wrinkle.serverImage" . -}}
{{- end -}}
{{- end -}}
