{{/* Contradictions that the schema cannot see. */}}
{{- define "wrinkle.checks" -}}
{{- $v := .Values -}}
{{- $least := ternary $v.autoscaling.minReplicas $v.replicas (ne $v.autoscaling.type "none") | int -}}
{{- if and $v.podDisruptionBudget.enabled (ge (int $v.podDisruptionBudget.minAvailable) $least) -}}
{{- fail (printf "podDisruptionBudget.minAvailable is %d of at least %d replicas: no node could ever be drained. Lower it, run more replicas, or disable the budget." (int $v.podDisruptionBudget.minAvailable) $least) -}}
{{- end -}}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) -}}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas." -}}
{{- end -}}
{{- if and (eq (int $v.rollout.maxSurge) 0) (eq (int $v.rollout.maxUnavailable) 0) -}}
{{- fail "rollout.maxSurge and rollout.maxUnavailable are both 0: a rollout could never begin." -}}
{{- end -}}
{{- if gt (int $v.server.maxWaiting) (int $v.server.maxQueueSize) -}}
{{- fail "server.maxWaiting is more than server.maxQueueSize; no more can wait than the queue holds." -}}
{{- end -}}
{{- if not (and (le (int $v.plans.minBatch) (int $v.plans.optBatch)) (le (int $v.plans.optBatch) (int $v.plans.maxBatch))) -}}
{{- fail "plans: minBatch <= optBatch <= maxBatch must hold." -}}
{{- end -}}
{{- if ge (int $v.gateway.tls.certManager.renewBeforeHours) (int $v.gateway.tls.certManager.durationHours) -}}
{{- fail "gateway.tls.certManager.renewBeforeHours must be less than durationHours." -}}
{{- end -}}
{{- if and (ne $v.exposure.type "none") (eq $v.exposure.hostname $v.exposure.grpcHostname) -}}
{{- fail "exposure.grpcHostname must differ from exposure.hostname: Gateway API lets no HTTPRoute and GRPCRoute share a host." -}}
{{- end -}}
{{- if and (ne $v.exposure.type "none") $v.gateway.tls.clientCaSecretName -}}
{{- fail "gateway.tls.clientCaSecretName goes with exposure.type none: routes and Ingress end TLS before the pods and show no certificate of the client." -}}
{{- end -}}
{{- if and (eq $v.autoscaling.type "keda") (gt (int $v.autoscaling.keda.fallbackReplicas) (int $v.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.keda.fallbackReplicas is more than autoscaling.maxReplicas." -}}
{{- end -}}
{{- if and $v.canary.enabled (ne $v.exposure.type "gatewayApi") -}}
{{- fail "canary needs exposure.type gatewayApi: its routes carry the weights." -}}
{{- end -}}
{{- if and $v.canary.enabled $v.canary.artefact (not $v.canary.artefact.source) -}}
{{- fail "canary.artefact needs its own source; without one the canary serves the stable track's networks." -}}
{{- end -}}
{{- if and $v.canary.enabled $v.artefact.manifestSha256 $v.canary.artefact.source (not (hasKey $v.canary.artefact "manifestSha256")) -}}
{{- fail "canary.artefact.manifestSha256 is required where artefact.manifestSha256 pins the stable track's networks; the canary's are others." -}}
{{- end -}}
{{- if and $v.monitoring.rules (eq $v.monitoring.scrape "none") -}}
{{- fail "monitoring.rules needs monitoring.scrape podMonitor or serviceMonitor: the rules read the labels that they set." -}}
{{- end -}}
{{- if and (ne $v.autoscaling.type "none") (not $v.monitoring.rules) -}}
{{- fail "autoscaling needs monitoring.rules: it scales on recorded metrics." -}}
{{- end -}}
{{- range $track := ternary (list "stable" "canary") (list "stable") $v.canary.enabled -}}
{{- $artefact := include "wrinkle.artefactOf" (dict "root" $ "track" $track) | fromYaml -}}
{{- if and (eq $v.runtime "tensorrt") (eq $artefact.source "bundled") -}}
{{- fail "runtime tensorrt needs artefact.source pvc, s3 or image: a build folder with onnx-fp16 graphs; the image holds none." -}}
{{- end -}}
{{- if and (eq $artefact.source "pvc") (not $artefact.pvc.claimName) -}}
{{- fail "artefact.pvc.claimName is required with artefact.source pvc." -}}
{{- end -}}
{{- if and (eq $artefact.source "s3") (not (and $artefact.s3.uri $artefact.s3.image)) -}}
{{- fail "artefact.s3.uri and artefact.s3.image are required with artefact.source s3." -}}
{{- end -}}
{{- if and (eq $artefact.source "image") (not $artefact.image.reference) -}}
{{- fail "artefact.image.reference is required with artefact.source image." -}}
{{- end -}}
{{- end -}}
{{- end -}}
