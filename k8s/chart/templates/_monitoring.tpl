{{/* Labels that the rules aggregate by, set on every series of a pod. */}}
{{- define "wrinkle.relabelings" -}}
- {sourceLabels: [__meta_kubernetes_pod_label_app_kubernetes_io_instance], targetLabel: wrinkle_release}
- {sourceLabels: [__meta_kubernetes_pod_label_track], targetLabel: track}
{{- end -}}
