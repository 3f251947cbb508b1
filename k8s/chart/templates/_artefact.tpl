{{/* Which network files a track serves: the canary's own where it names a source. */}}
{{- define "wrinkle.artefactOf" -}}
{{- if and (eq .track "canary") .root.Values.canary.artefact.source -}}
{{- mergeOverwrite (deepCopy .root.Values.artefact) .root.Values.canary.artefact | toYaml -}}
{{- else -}}
{{- .root.Values.artefact | toYaml -}}
{{- end -}}
{{- end -}}

{{/* Where the build folder lies in the containers. */}}
{{- define "wrinkle.artefactPath" -}}
/artefact{{ if and (eq .source "pvc") .pvc.subPath }}/{{ .pvc.subPath }}{{ end }}
{{- end -}}

{{/* Containers that put the build folder of wrinkle export into /artefact and compare its manifest with the one pinned. */}}
{{- define "wrinkle.artefactContainers" -}}
{{- $root := .root -}}
{{- if eq .artefact.source "s3" }}
- name: fetch-artefact
  image: {{ .artefact.s3.image | quote }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  command: [aws, s3, sync, --only-show-errors, {{ .artefact.s3.uri | quote }}, /artefact]
  env:
    - {name: HOME, value: /tmp}
    {{- with .artefact.s3.endpointUrl }}
    - {name: AWS_ENDPOINT_URL, value: {{ . | quote }}}
    {{- end }}
    {{- with .artefact.s3.region }}
    - {name: AWS_REGION, value: {{ . | quote }}}
    {{- end }}
  {{- with .artefact.s3.credentialsSecretName }}
  envFrom:
    - secretRef: {name: {{ . | quote }}}
  {{- end }}
  resources:
    {{- include "wrinkle.copyResources" $root | nindent 4 }}
  securityContext:
    {{- include "wrinkle.containerSecurity" $root | nindent 4 }}
  volumeMounts:
    - {name: artefact, mountPath: /artefact}
    - {name: server-tmp, mountPath: /tmp}
{{- else if eq .artefact.source "image" }}
- name: copy-artefact
  image: {{ .artefact.image.reference | quote }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  command: [cp, -r, {{ printf "%s/." .artefact.image.path | quote }}, /artefact/]
  resources:
    {{- include "wrinkle.copyResources" $root | nindent 4 }}
  securityContext:
    {{- include "wrinkle.containerSecurity" $root | nindent 4 }}
  volumeMounts:
    - {name: artefact, mountPath: /artefact}
{{- end }}
{{- if .artefact.manifestSha256 }}
- name: check-artefact
  image: {{ include "wrinkle.serverImage" . | quote }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  args: [sh, -c, "echo '{{ .artefact.manifestSha256 }}  {{ include "wrinkle.artefactPath" .artefact }}/manifest.json' | sha256sum --check --strict"]
  resources:
    {{- include "wrinkle.copyResources" $root | nindent 4 }}
  securityContext:
    {{- include "wrinkle.containerSecurity" $root | nindent 4 }}
  volumeMounts:
    - {name: artefact, mountPath: /artefact, readOnly: true}
{{- end }}
{{- end -}}

{{- define "wrinkle.artefactVolume" -}}
{{- if eq .artefact.source "pvc" }}
- name: artefact
  persistentVolumeClaim: {claimName: {{ .artefact.pvc.claimName | quote }}, readOnly: true}
{{- else if ne .artefact.source "bundled" }}
- name: artefact
  emptyDir: {sizeLimit: {{ int .root.Values.storage.artefactMib }}Mi}
{{- end }}
{{- end -}}

{{- define "wrinkle.copyResources" -}}
requests: {cpu: 100m, memory: 256Mi, ephemeral-storage: 64Mi}
limits: {cpu: "1", memory: 256Mi, ephemeral-storage: {{ add 64 (int .Values.storage.artefactMib) (int .Values.storage.tmpMib) }}Mi}
{{- end -}}
