{{/* The flags that come from values, by name; a flag among the further ones takes the place of one of these. */}}
{{- define "landfall.flags" -}}
{{- $controller := .Values.controller -}}
http-port: {{ include "landfall.port" (dict "root" . "name" "http") | quote }}
https-port: {{ include "landfall.port" (dict "root" . "name" "https") | quote }}
{{- if .Values.defaultBackend.enabled }}
default-backend-service: $(POD_NAMESPACE)/{{ include "landfall.defaultBackend.fullname" . }}
{{- end }}
{{- with include "landfall.publishService" . }}
publish-service: {{ . }}
{{- end }}
election-id: {{ include "landfall.electionID" . }}
{{- with $controller.electionTTL }}
election-ttl: {{ . | quote }}
{{- end }}
{{- if $controller.disableLeaderElection }}
disable-leader-election: "true"
{{- end }}
controller-class: {{ $controller.ingressClassResource.controllerValue | quote }}
{{- with $controller.ingressClass }}
ingress-class: {{ . | quote }}
{{- end }}
{{- if $controller.ingressClassByName }}
ingress-class-by-name: "true"
{{- end }}
{{- if $controller.watchIngressWithoutClass }}
watch-ingress-without-class: "true"
{{- end }}
configmap: {{ default "$(POD_NAMESPACE)" $controller.configMapNamespace }}/{{ include "landfall.controller.fullname" . }}
{{- if $controller.scope.enabled }}
watch-namespace: {{ default "$(POD_NAMESPACE)" $controller.scope.namespace }}
{{- else if $controller.scope.namespaceSelector }}
watch-namespace-selector: {{ $controller.scope.namespaceSelector | quote }}
{{- end }}
{{- if and $controller.reportNodeInternalIp $controller.hostNetwork }}
report-node-internal-ip-address: "true"
{{- end }}
{{- with $controller.healthCheckHost }}
healthz-host: {{ . | quote }}
{{- end }}
{{- if ne $controller.healthCheckPath "/healthz" }}
health-check-path: {{ $controller.healthCheckPath | quote }}
{{- end }}
{{- if $controller.metrics.enabled }}
enable-metrics: "true"
{{- end }}
shutdown-grace-period: {{ include "landfall.grace" . | quote }}
drain-timeout: {{ include "landfall.drain" . }}s
{{- end -}}

{{/* The argument list: those flags in their order of names, then the further ones. One without a value stands alone. */}}
{{- define "landfall.args" -}}
{{- $extra := .Values.controller.extraArgs -}}
{{- range $name, $value := include "landfall.flags" . | fromYaml -}}
{{- if not (hasKey $extra $name) }}
- {{ printf "--%s=%s" $name $value | quote }}
{{- end -}}
{{- end -}}
{{- range $name, $value := $extra -}}
{{- if or (kindIs "invalid" $value) (eq (toString $value) "") }}
- {{ printf "--%s" $name | quote }}
{{- else }}
- {{ printf "--%s=%s" $name (include "landfall.text" $value) | quote }}
{{- end -}}
{{- end -}}
{{- end -}}
