{{/* The metrics of an `autoscaling` of the values. */}}
{{- define "landfall.autoscalingMetrics" -}}
{{- range $resource, $target := dict "cpu" .targetCPUUtilizationPercentage "memory" .targetMemoryUtilizationPercentage -}}
{{- with $target }}
- type: Resource
  resource:
    name: {{ $resource }}
    target:
      type: Utilization
      averageUtilization: {{ int64 . }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What a PodDisruptionBudget allows: `of` holds minAvailable or maxUnavailable. */}}
{{- define "landfall.disruption" -}}
{{- if hasKey . "maxUnavailable" }}
maxUnavailable: {{ include "landfall.text" .maxUnavailable }}
{{- else }}
minAvailable: {{ include "landfall.text" .minAvailable }}
{{- end }}
{{- with .unhealthyPodEvictionPolicy }}
unhealthyPodEvictionPolicy: {{ . }}
{{- end }}
{{- end -}}
