{{/* The pod of one track: server and gateway, and before them whatever the network files and plans need. */}}
{{- define "wrinkle.podTemplate" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $tensorrt := eq $values.runtime "tensorrt" -}}
metadata:
  labels:
    {{- include "wrinkle.servingLabels" $root | nindent 4 }}
    track: {{ .track }}
    {{- with $values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    checksum/settings: {{ list (include "wrinkle.settings" .) (ternary ($root.Files.Get "files/build-plans.sh") "" $tensorrt) | toJson | sha256sum }}
    {{- with $values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "wrinkle.serviceAccountName" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "wrinkle.gracePeriodS" $root }}
  securityContext:
    {{- include "wrinkle.podSecurity" $root | nindent 4 }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- range $key, $when := dict "topology.kubernetes.io/zone" $values.topologySpread.zone "kubernetes.io/hostname" $values.topologySpread.node }}
    - topologyKey: {{ $key }}
      maxSkew: 1
      whenUnsatisfiable: {{ $when }}
      labelSelector:
        matchLabels:
          {{- include "wrinkle.servingLabels" $root | nindent 10 }}
          track: {{ $.track }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- $before := include "wrinkle.artefactContainers" . }}
  {{- if or $tensorrt (trim $before) }}
  initContainers:
    {{- $before | nindent 4 }}
    {{- if $tensorrt }}
    {{- include "wrinkle.planContainer" . | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    {{- include "wrinkle.serverContainer" . | nindent 4 }}
    {{- include "wrinkle.gatewayContainer" . | nindent 4 }}
  volumes:
    - name: settings
      configMap:
        name: {{ include "wrinkle.fullname" $root }}-settings
        items:
          - {key: {{ ternary "serve-canary.yaml" "serve.yaml" (eq .track "canary") }}, path: serve.yaml}
          {{- if $tensorrt }}
          - {key: build-plans.sh, path: build-plans.sh}
          {{- end }}
    - name: shared-memory
      emptyDir: {medium: Memory, sizeLimit: {{ include "wrinkle.sharedMemoryMib" $root }}Mi}
    - name: server-tmp
      emptyDir: {sizeLimit: {{ int $values.storage.tmpMib }}Mi}
    - name: cache
      emptyDir: {sizeLimit: {{ int $values.storage.cacheMib }}Mi}
    - name: home
      emptyDir: {sizeLimit: 16Mi}
    - name: log
      emptyDir: {sizeLimit: {{ int $values.storage.logMib }}Mi}
    - name: gateway-tmp
      emptyDir: {sizeLimit: 64Mi}
    - name: tls
      secret: {secretName: {{ include "wrinkle.tlsSecretName" $root | quote }}, defaultMode: 0400}
    {{- with $values.gateway.tls.clientCaSecretName }}
    - name: client-ca
      secret: {secretName: {{ . | quote }}, defaultMode: 0400, items: [{key: ca.crt, path: ca.crt}]}
    {{- end }}
    {{- with $values.gateway.tokensSecretName }}
    - name: tokens
      secret: {secretName: {{ . | quote }}, defaultMode: 0400, items: [{key: tokens, path: tokens}]}
    {{- end }}
    {{- include "wrinkle.artefactVolume" . | nindent 4 }}
    {{- if $tensorrt }}
    {{- include "wrinkle.planVolumes" . | nindent 4 }}
    {{- end }}
{{- end -}}
