{{/*
Shared memory in MiB, an upper bound of the rule in docs/operations.md:
instances x (1 MiB + 2 x bytes of all tensors of one call), summed over Python steps, and once more the largest.
A preprocessor's call: the photograph as a file, a network input of 4 MiB, 1 MiB of small things.
A threshold call: 1.25 bytes a pixel in three PNGs, 5.5 MiB for probability, report and the rest. An OpenVINO segmenter's: 5 MiB.
A TensorRT segmenter needs none.
*/}}
{{- define "wrinkle.sharedMemoryMib" -}}
{{- $server := .Values.server -}}
{{- $models := len $server.models -}}
{{- $preprocess := add 1 (mul 2 (add (int $server.maxEncodedMib) 5)) -}}
{{- $threshold := add 12 (div (mul 5 (int $server.maxPixelsMpx)) 2) -}}
{{- $instances := int $server.instances -}}
{{- $steps := add (mul $models $preprocess) $threshold -}}
{{- add (mul $instances $steps) (mul $models 12) (mul $instances (max $preprocess $threshold)) -}}
{{- end -}}

{{/* What the cgroup counts: resident memory of server and steps, and the pages they keep in /dev/shm. */}}
{{- define "wrinkle.serverMemoryMib" -}}
{{- add (int .Values.server.memoryMib) (int (include "wrinkle.sharedMemoryMib" .)) -}}
{{- end -}}

{{/* The supervisor starts the largest step anew here, before the kernel ends one at the limit. */}}
{{- define "wrinkle.memoryCeilingMib" -}}
{{- div (mul 9 (int .Values.server.memoryMib)) 10 -}}
{{- end -}}

{{/* The server serves on while balancers notice and the gateway drains. */}}
{{- define "wrinkle.serverPreStopS" -}}
{{- add (int .Values.gateway.balancerDelayS) (int .Values.gateway.drainTimeoutS) -}}
{{- end -}}

{{/* Longest stop of the pod, and 15 s for processes to end and files to go. */}}
{{- define "wrinkle.gracePeriodS" -}}
{{- add (int (include "wrinkle.serverPreStopS" .)) (int .Values.server.exitTimeoutS) 15 -}}
{{- end -}}

{{/* Most that the files of a server container may take on the node's disk. */}}
{{- define "wrinkle.serverStorageMib" -}}
{{- $storage := .Values.storage -}}
{{- add 64 (int $storage.tmpMib) (int $storage.cacheMib) (int $storage.logMib) (ternary (int $storage.artefactMib) 0 (eq .Values.runtime "tensorrt")) (ternary (int $storage.artefactMib) 0 (ne .Values.artefact.source "bundled")) -}}
{{- end -}}
