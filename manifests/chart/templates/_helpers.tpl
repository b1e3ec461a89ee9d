{{/* Names. All follow ingress-nginx's chart, so that a release of it can be replaced in place. */}}

{{- define "landfall.short" -}}
{{- . | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "landfall.name" -}}
{{- include "landfall.short" (default .Chart.Name .Values.nameOverride) -}}
{{- end -}}

{{- define "landfall.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- include "landfall.short" .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- include "landfall.short" .Release.Name -}}
{{- else -}}
{{- include "landfall.short" (printf "%s-%s" .Release.Name $name) -}}
{{- end -}}
{{- end -}}

{{- define "landfall.controller.fullname" -}}
{{- include "landfall.short" (printf "%s-%s" (include "landfall.fullname" .) .Values.controller.name) -}}
{{- end -}}

{{- define "landfall.defaultBackend.fullname" -}}
{{- include "landfall.short" (printf "%s-%s" (include "landfall.fullname" .) .Values.defaultBackend.name) -}}
{{- end -}}

{{- define "landfall.namespace" -}}
{{- include "landfall.short" (default .Release.Namespace .Values.namespaceOverride) -}}
{{- end -}}

{{- define "landfall.electionID" -}}
{{- default (printf "%s-leader" (include "landfall.fullname" .)) .Values.controller.electionID -}}
{{- end -}}

{{- define "landfall.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "landfall.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "landfall.defaultBackend.serviceAccountName" -}}
{{- if .Values.defaultBackend.serviceAccount.create -}}
{{- default (printf "%s-backend" (include "landfall.fullname" .)) .Values.defaultBackend.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.defaultBackend.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Labels. */}}

{{- define "landfall.selectorLabels" -}}
app.kubernetes.io/name: {{ include "landfall.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "landfall.labels" -}}
helm.sh/chart: {{ include "landfall.short" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") }}
{{ include "landfall.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ include "landfall.name" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The labels of the controller's objects, without those of `controller.labels`. */}}
{{- define "landfall.controller.componentLabels" -}}
{{ include "landfall.labels" . }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "landfall.controller.labels" -}}
{{ include "landfall.controller.componentLabels" . }}
{{- with .Values.controller.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "landfall.controller.selectorLabels" -}}
{{ include "landfall.selectorLabels" . }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "landfall.defaultBackend.labels" -}}
{{ include "landfall.labels" . }}
app.kubernetes.io/component: default-backend
{{- with .Values.defaultBackend.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "landfall.defaultBackend.selectorLabels" -}}
{{ include "landfall.selectorLabels" . }}
app.kubernetes.io/component: default-backend
{{- end -}}

{{/* A value as text: a whole number as people write it, and not as 1e+06. */}}
{{- define "landfall.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}
{{- printf "%d" (int64 .) -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/* Not empty where the image given is one of ingress-nginx, by its name or by the form of its tags. */}}
{{- define "landfall.image.foreign" -}}
{{- $image := .Values.controller.image -}}
{{- $name := printf "%s/%s/%s" $image.repository $image.registry $image.image -}}
{{- $named := or $image.repository $image.image -}}
{{- if or (contains "ingress-nginx" $name) (contains "nginx-ingress" $name) (and (not $named) (hasPrefix "v" (toString $image.tag))) -}}
yes
{{- end -}}
{{- end -}}

{{- define "landfall.image" -}}
{{- $image := .Values.controller.image -}}
{{- $registry := default .Values.global.image.registry $image.registry -}}
{{- $own := dict "name" "landfall" "tag" .Chart.AppVersion -}}
{{- if include "landfall.image.foreign" . -}}
{{- printf "%s:%s" $own.name $own.tag -}}
{{- else -}}
{{- $name := default $own.name $image.image -}}
{{- if $image.repository -}}
{{- $name = $image.repository -}}
{{- else if and $registry (ne $registry "registry.k8s.io") -}}
{{- $name = printf "%s/%s" $registry $name -}}
{{- end -}}
{{- printf "%s:%s" $name (default $own.tag $image.tag | toString) -}}
{{- with $image.digest -}}@{{ . }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* The port in the pod for `name` (http, https): as given, else the flag's among the further ones, else a free one. */}}
{{- define "landfall.port" -}}
{{- $controller := .root.Values.controller -}}
{{- $low := dict "http" 80 "https" 443 -}}
{{- $high := dict "http" 8080 "https" 8443 -}}
{{- $flag := get $controller.extraArgs (printf "%s-port" .name) -}}
{{- $default := get (ternary $low $high $controller.hostNetwork) .name -}}
{{- include "landfall.text" (get $controller.containerPort .name | default $flag | default $default) -}}
{{- end -}}

{{/* The port for probes, metrics and the live configuration, which a flag sets, as with ingress-nginx. */}}
{{- define "landfall.adminPort" -}}
{{- $controller := .Values.controller -}}
{{- $port := include "landfall.text" (get $controller.extraArgs "healthz-port" | default 10254) -}}
{{- if and $controller.metrics.enabled (ne $port (include "landfall.text" $controller.metrics.port)) -}}
{{- fail (printf "controller.metrics.port: metrics are served on %s; another port is set by controller.extraArgs.healthz-port, and then in the probes too" $port) -}}
{{- end -}}
{{- $port -}}
{{- end -}}

{{- define "landfall.publishService" -}}
{{- $controller := .Values.controller -}}
{{- $own := printf "$(POD_NAMESPACE)/%s" (include "landfall.controller.fullname" .) -}}
{{- if and $controller.publishService.enabled $controller.service.enabled -}}
{{- if $controller.publishService.pathOverride -}}
{{- $controller.publishService.pathOverride -}}
{{- else if $controller.service.external.enabled -}}
{{- $own -}}
{{- else if $controller.service.internal.enabled -}}
{{- printf "%s-internal" $own -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Seconds of --shutdown-grace-period. */}}
{{- define "landfall.grace" -}}
{{- $flag := get .Values.controller.extraArgs "shutdown-grace-period" -}}
{{- include "landfall.text" (default .Values.controller.shutdownGracePeriod $flag) -}}
{{- end -}}

{{/* Seconds for requests in flight: what the kubelet leaves after the grace period, with five to spare. */}}
{{- define "landfall.drain" -}}
{{- $whole := int64 .Values.controller.terminationGracePeriodSeconds -}}
{{- $drain := sub (sub $whole (include "landfall.grace" . | int64)) 5 -}}
{{- if lt $drain 0 -}}
{{- fail (printf "controller.terminationGracePeriodSeconds: %d is too short for the %s seconds of controller.shutdownGracePeriod and five more" $whole (include "landfall.grace" .)) -}}
{{- end -}}
{{- $drain -}}
{{- end -}}

{{/* A container's security context from an `image` of the values, with `add` as its only capabilities. */}}
{{- define "landfall.securityContext" -}}
runAsNonRoot: {{ .image.runAsNonRoot }}
runAsUser: {{ include "landfall.text" .image.runAsUser }}
runAsGroup: {{ include "landfall.text" .image.runAsGroup }}
allowPrivilegeEscalation: {{ .image.allowPrivilegeEscalation }}
readOnlyRootFilesystem: {{ .image.readOnlyRootFilesystem }}
{{- with .image.seccompProfile }}
seccompProfile:
  {{- toYaml . | nindent 2 }}
{{- end }}
capabilities:
  drop: [ALL]
  {{- with .add }}
  add: {{ toJson . }}
  {{- end }}
{{- end -}}
