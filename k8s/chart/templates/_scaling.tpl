{{- define "wrinkle.scalingBehavior" -}}
scaleUp:
  stabilizationWindowSeconds: {{ .Values.autoscaling.scaleUp.stabilizationWindowS }}
  selectPolicy: Max
  policies:
    - {type: Percent, value: {{ .Values.autoscaling.scaleUp.percent }}, periodSeconds: {{ .Values.autoscaling.scaleUp.periodS }}}
    - {type: Pods, value: {{ .Values.autoscaling.scaleUp.pods }}, periodSeconds: {{ .Values.autoscaling.scaleUp.periodS }}}
scaleDown:
  stabilizationWindowSeconds: {{ .Values.autoscaling.scaleDown.stabilizationWindowS }}
  policies:
    - {type: Percent, value: {{ .Values.autoscaling.scaleDown.percent }}, periodSeconds: {{ .Values.autoscaling.scaleDown.periodS }}}
{{- end -}}

{{/* Selects this release's own series of the stable track. */}}
{{- define "wrinkle.seriesSelector" -}}
{namespace="{{ .Release.Namespace }}",wrinkle_release="{{ .Release.Name }}",track="stable"}
{{- end -}}
