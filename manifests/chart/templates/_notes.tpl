{{/* What is said after an installation. */}}
{{- define "landfall.notes" -}}
{{- $controller := .Values.controller -}}
{{- $namespace := include "landfall.namespace" . -}}
{{- $name := include "landfall.controller.fullname" . -}}
Landfall {{ .Chart.AppVersion }} serves the Ingresses of the {{ ternary "IngressClasses" "IngressClass" (gt (len $controller.ingressClassResource.aliases) 0) }} {{ join ", " (prepend $controller.ingressClassResource.aliases $controller.ingressClassResource.name) }}
(controller {{ $controller.ingressClassResource.controllerValue }}{{ with $controller.ingressClass }}, or annotation kubernetes.io/ingress.class: {{ . }}{{ end }}).

{{- with include "landfall.withoutEffect" . }}

Of the values that were given:
{{ . | trim }}
{{- end }}

What is wrong with an Ingress is in its Events, and of flags and settings in the log:

  kubectl --namespace {{ $namespace }} logs {{ lower $controller.kind }}/{{ $name }}
{{- if and $controller.service.enabled $controller.service.external.enabled }}

It is reached by the Service {{ $name }} ({{ $controller.service.type }}):

  kubectl --namespace {{ $namespace }} get service {{ $name }}
{{- end }}
{{- if and $controller.hostPort.enabled (not $controller.hostNetwork) }}

It is reached on the ports {{ $controller.hostPort.ports.http }} and {{ $controller.hostPort.ports.https }} of the nodes that it runs on.
{{- end }}
{{- if $controller.hostNetwork }}

It is reached on the ports {{ include "landfall.port" (dict "root" . "name" "http") }} and {{ include "landfall.port" (dict "root" . "name" "https") }} of the nodes that it runs on.
{{- end }}
{{- end -}}
