{{/*
The container that makes sure of TensorRT plans for the GPU it is given, and assembles a repository of them. The pod's
init container and the jobs that build ahead run the same script on the same cache.
*/}}
{{- define "wrinkle.planContainer" -}}
{{- $root := .root -}}
{{- $plans := $root.Values.plans -}}
- name: build-plans
  image: {{ include "wrinkle.plansImage" . | quote }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  args: [sh, /etc/wrinkle/build-plans.sh]
  env:
    - {name: ARTEFACT, value: {{ include "wrinkle.artefactPath" .artefact | quote }}}
    - {name: PLAN_CACHE, value: /plans}
    - {name: REPOSITORY, value: /repository/served}
    - {name: NETWORKS, value: {{ join " " $root.Values.server.models | quote }}}
    - {name: LOCK_TIMEOUT_S, value: {{ int $plans.lockTimeoutS | quote }}}
    - name: PLAN_OPTIONS
      value: >-
        --min-batch {{ $plans.minBatch }} --opt-batch {{ $plans.optBatch }} --max-batch {{ $plans.maxBatch }}
        --workspace-mib {{ int $plans.workspaceMib }} --hardware-compatibility {{ $plans.hardwareCompatibility }}
    - name: REPOSITORY_OPTIONS
      value: >-
        --preprocess-instances {{ $root.Values.server.instances }} --threshold-instances {{ $root.Values.server.instances }}
        --max-waiting {{ $root.Values.server.maxWaiting }} --max-queue-size {{ $root.Values.server.maxQueueSize }}
        --max-encoded-mib {{ $root.Values.server.maxEncodedMib }} --max-pixels-mpx {{ $root.Values.server.maxPixelsMpx }}
    - {name: HOME, value: /tmp}
    - {name: TMPDIR, value: /tmp}
  resources:
    requests:
      cpu: {{ $root.Values.server.cpu | quote }}
      memory: {{ include "wrinkle.serverMemoryMib" $root }}Mi
      ephemeral-storage: {{ include "wrinkle.serverStorageMib" $root }}Mi
      {{ $root.Values.server.gpuResource }}: 1
    limits:
      cpu: {{ $root.Values.server.cpu | quote }}
      memory: {{ include "wrinkle.serverMemoryMib" $root }}Mi
      ephemeral-storage: {{ include "wrinkle.serverStorageMib" $root }}Mi
      {{ $root.Values.server.gpuResource }}: 1
  securityContext:
    {{- include "wrinkle.containerSecurity" $root | nindent 4 }}
  volumeMounts:
    - {name: settings, mountPath: /etc/wrinkle, readOnly: true}
    - {name: artefact, mountPath: /artefact, readOnly: true}
    - {name: plans, mountPath: /plans}
    - {name: repository, mountPath: /repository}
    - {name: server-tmp, mountPath: /tmp}
{{- end -}}

{{- define "wrinkle.planVolumes" -}}
- name: plans
  persistentVolumeClaim: {claimName: {{ include "wrinkle.planCacheClaim" .root | quote }}}
- name: repository
  emptyDir: {sizeLimit: {{ int .root.Values.storage.artefactMib }}Mi}
{{- end -}}

{{- define "wrinkle.planJobSpec" -}}
{{- $values := .root.Values -}}
backoffLimit: 2
activeDeadlineSeconds: {{ mul 2 (int $values.plans.lockTimeoutS) }}
ttlSecondsAfterFinished: 86400
template:
  metadata:
    labels:
      {{- include "wrinkle.selectorLabels" .root | nindent 6 }}
      app.kubernetes.io/component: plans
  spec:
    restartPolicy: Never
    serviceAccountName: {{ include "wrinkle.serviceAccountName" .root }}
    automountServiceAccountToken: false
    enableServiceLinks: false
    securityContext:
      {{- include "wrinkle.podSecurity" .root | nindent 6 }}
    nodeSelector: {{- toYaml .target.nodeSelector | nindent 6 }}
    {{- with $values.runtimeClassName }}
    runtimeClassName: {{ . }}
    {{- end }}
    {{- with $values.imagePullSecrets }}
    imagePullSecrets: {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $values.tolerations }}
    tolerations: {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- $before := include "wrinkle.artefactContainers" . }}
    {{- if trim $before }}
    initContainers:
      {{- $before | nindent 6 }}
    {{- end }}
    containers:
      {{- include "wrinkle.planContainer" . | nindent 6 }}
    volumes:
      - name: settings
        configMap:
          name: {{ include "wrinkle.fullname" .root }}-settings
          items: [{key: build-plans.sh, path: build-plans.sh}]
      - name: server-tmp
        emptyDir: {sizeLimit: {{ int $values.storage.tmpMib }}Mi}
      {{- include "wrinkle.artefactVolume" . | nindent 6 }}
      {{- include "wrinkle.planVolumes" . | nindent 6 }}
{{- end -}}
