{{/* Contradictions that the schema cannot see; each refusal says what to do. */}}
{{- define "wrinkle.checks" -}}
{{- include "wrinkle.checkNames" . -}}
{{- include "wrinkle.checkReplicas" . -}}
{{- include "wrinkle.checkServer" . -}}
{{- include "wrinkle.checkPlans" . -}}
{{- include "wrinkle.checkNetwork" . -}}
{{- include "wrinkle.checkMonitoring" . -}}
{{- include "wrinkle.checkTracks" . -}}
{{- end -}}

{{- define "wrinkle.checkNames" -}}
{{- $name := include "wrinkle.fullname" . -}}
{{- if not (regexMatch "^[a-z]([a-z0-9-]*[a-z0-9])?$" $name) -}}
{{- fail (printf "%q cannot be the name of a Service: small letters, digits and hyphens, a letter first. Take another release name, or give fullnameOverride." $name) -}}
{{- end -}}
{{- range $key, $_ := .Values.podLabels -}}
{{- if has $key (list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "track") -}}
{{- fail (printf "podLabels.%s is a label by which the chart finds its pods; choose another key." $key) -}}
{{- end -}}
{{- end -}}
{{- if hasKey .Values.podAnnotations "checksum/settings" -}}
{{- fail "podAnnotations.checksum/settings is the chart's own: it rolls the pods when settings change." -}}
{{- end -}}
{{- end -}}

{{- define "wrinkle.checkServer" -}}
{{- $server := .Values.server -}}
{{- if gt (int $server.maxWaiting) (int $server.maxQueueSize) -}}
{{- fail "server.maxWaiting is more than server.maxQueueSize; no more can wait than the queue holds." -}}
{{- end -}}
{{- if eq .Values.runtime "openvino" -}}
{{- $milli := ternary (int (trimSuffix "m" $server.cpu)) (mul 1000 (int $server.cpu)) (hasSuffix "m" $server.cpu) -}}
{{- if eq (int $server.threads) 0 -}}
{{- fail "server.threads is 0, which is every core of the node, although the container may use server.cpu only. Give the threads." -}}
{{- end -}}
{{- if gt (mul 1000 (int $server.threads)) $milli -}}
{{- fail (printf "server.threads is %d, more than server.cpu of %s: threads would wait for each other. Lower one or raise the other." (int $server.threads) $server.cpu) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wrinkle.checkPlans" -}}
{{- $plans := .Values.plans -}}
{{- if not (and (le (int $plans.minBatch) (int $plans.optBatch)) (le (int $plans.optBatch) (int $plans.maxBatch))) -}}
{{- fail "plans: minBatch <= optBatch <= maxBatch must hold." -}}
{{- end -}}
{{- if and $plans.prebuild (ne .Values.runtime "tensorrt") -}}
{{- fail "plans.prebuild goes with runtime tensorrt; nothing else has plans." -}}
{{- end -}}
{{- $names := list -}}
{{- range $plans.prebuild -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- if ne (len $names) (len (uniq $names)) -}}
{{- fail "plans.prebuild has a name twice; each Job needs its own." -}}
{{- end -}}
{{- end -}}

{{/* What each track runs, the canary too. */}}
{{- define "wrinkle.checkTracks" -}}
{{- $v := .Values -}}
{{- if and $v.canary.enabled (ne $v.exposure.type "gatewayApi") -}}
{{- fail "canary needs exposure.type gatewayApi: its routes carry the weights." -}}
{{- end -}}
{{- if and $v.canary.enabled (gt (int $v.canary.weight) 0) (eq (int $v.canary.replicas) 0) -}}
{{- fail (printf "canary.weight sends %d %% of the requests to canary.replicas 0, where nobody answers. Give it replicas, or weight 0." (int $v.canary.weight)) -}}
{{- end -}}
{{- if and $v.canary.enabled $v.canary.artefact (not $v.canary.artefact.source) -}}
{{- fail "canary.artefact needs its own source; without one the canary serves the stable track's networks." -}}
{{- end -}}
{{- if and $v.canary.enabled $v.artefact.manifestSha256 $v.canary.artefact.source (not (hasKey $v.canary.artefact "manifestSha256")) -}}
{{- fail "canary.artefact.manifestSha256 is required where artefact.manifestSha256 pins the stable track's networks; the canary's are others." -}}
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
{{- if and (eq $artefact.source "s3") $v.networkPolicy.enabled (not $v.networkPolicy.egress) -}}
{{- fail "artefact.source s3 needs networkPolicy.egress: without a rule no pod reaches the bucket." -}}
{{- end -}}
{{- if and (eq $artefact.source "image") (not $artefact.image.reference) -}}
{{- fail "artefact.image.reference is required with artefact.source image." -}}
{{- end -}}
{{- end -}}
{{- $image := $v.canary.image -}}
{{- if and (eq $v.runtime "tensorrt") $v.canary.enabled (or $image.repository $image.tag $image.digest) (not $v.canary.plansImage.repository) -}}
{{- fail "canary.plansImage is required with canary.image and runtime tensorrt: plans of the stable image's TensorRT may not load in the canary's." -}}
{{- end -}}
{{- if and (eq $v.runtime "tensorrt") (not $v.plans.image.repository) -}}
{{- fail "plans.image is required with runtime tensorrt: the server image has no TensorRT for Python. k8s/images/plans.Containerfile makes one." -}}
{{- end -}}
{{- end -}}
