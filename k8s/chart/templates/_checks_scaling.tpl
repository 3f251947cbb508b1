{{/* How many pods there may be, and whether rollouts, drains and autoscaling can work with that. */}}
{{- define "wrinkle.checkReplicas" -}}
{{- $v := .Values -}}
{{- $scaled := ne $v.autoscaling.type "none" -}}
{{- $least := ternary $v.autoscaling.minReplicas $v.replicas $scaled | int -}}
{{- if and $scaled (eq (int $v.replicas) 0) -}}
{{- fail "replicas is 0 although autoscaling is on, which decides alone. Set autoscaling.type none to stop the service, or leave replicas out." -}}
{{- end -}}
{{- if and $v.podDisruptionBudget.enabled (ge (int $v.podDisruptionBudget.minAvailable) $least) -}}
{{- fail (printf "podDisruptionBudget.minAvailable is %d of at least %d replicas: no node could ever be drained. Lower it, run more replicas, or disable the budget." (int $v.podDisruptionBudget.minAvailable) $least) -}}
{{- end -}}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) -}}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas." -}}
{{- end -}}
{{- if and (eq $v.autoscaling.type "keda") (gt (int $v.autoscaling.keda.fallbackReplicas) (int $v.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.keda.fallbackReplicas is more than autoscaling.maxReplicas." -}}
{{- end -}}
{{- if and (eq (int $v.rollout.maxSurge) 0) (eq (int $v.rollout.maxUnavailable) 0) -}}
{{- fail "rollout.maxSurge and rollout.maxUnavailable are both 0: a rollout could never begin." -}}
{{- end -}}
{{- if and (gt $least 1) (ge (int $v.rollout.maxUnavailable) $least) -}}
{{- fail (printf "rollout.maxUnavailable is %d of at least %d replicas: a rollout could take all at once. Lower it." (int $v.rollout.maxUnavailable) $least) -}}
{{- end -}}
{{- if and (eq $v.runtime "tensorrt") (eq $v.plans.cache.accessMode "ReadWriteOncePod") -}}
{{- if or (gt $least 1) $scaled (gt (int $v.rollout.maxSurge) 0) $v.plans.prebuild $v.canary.enabled -}}
{{- fail "plans.cache.accessMode ReadWriteOncePod lets one pod have the cache, and there may be more. Take ReadWriteMany, or one replica with rollout.maxSurge 0." -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wrinkle.checkMonitoring" -}}
{{- $v := .Values -}}
{{- if and $v.monitoring.rules (eq $v.monitoring.scrape "none") -}}
{{- fail "monitoring.rules needs monitoring.scrape podMonitor or serviceMonitor: the rules read the labels that they set." -}}
{{- end -}}
{{- if and (ne $v.autoscaling.type "none") (not $v.monitoring.rules) -}}
{{- fail "autoscaling needs monitoring.rules: it scales on recorded metrics." -}}
{{- end -}}
{{- if and (ne $v.monitoring.scrape "none") $v.networkPolicy.enabled (not $v.networkPolicy.monitoring) -}}
{{- fail "monitoring.scrape needs networkPolicy.monitoring: without a peer Prometheus cannot read the pods." -}}
{{- end -}}
{{- end -}}
