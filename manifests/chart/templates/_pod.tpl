{{/* The template of the controller's pods, the same for a Deployment and a DaemonSet. */}}
{{- define "landfall.pod" -}}
{{- $controller := .Values.controller -}}
metadata:
  labels:
    {{- include "landfall.controller.labels" . | nindent 4 }}
    {{- with $controller.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $controller.podAnnotations }}
  annotations:
    {{- range $key, $value := . }}
    {{ $key }}: {{ include "landfall.text" $value | quote }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "landfall.serviceAccountName" . }}
  automountServiceAccountToken: {{ .Values.serviceAccount.automountServiceAccountToken }}
  terminationGracePeriodSeconds: {{ int64 $controller.terminationGracePeriodSeconds }}
  dnsPolicy: {{ default (ternary "ClusterFirstWithHostNet" "ClusterFirst" $controller.hostNetwork) $controller.dnsPolicy }}
  {{- with $controller.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $controller.hostAliases }}
  hostAliases:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  {{- with $controller.hostname }}
  hostname: {{ . }}
  {{- end }}
  {{- if $controller.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- if $controller.shareProcessNamespace }}
  shareProcessNamespace: true
  {{- end }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $controller.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $controller.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- if or $controller.podSecurityContext $controller.sysctls }}
  securityContext:
    {{- with $controller.podSecurityContext }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with $controller.sysctls }}
    sysctls:
      {{- range $name, $value := . }}
      - name: {{ $name }}
        value: {{ include "landfall.text" $value | quote }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- with $controller.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $controller.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $controller.affinity }}
  affinity:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  {{- with $controller.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  {{- with $controller.extraInitContainers }}
  initContainers:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ $controller.containerName }}
      {{- include "landfall.container" . | nindent 6 }}
    {{- with $controller.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $controller.extraVolumes }}
  volumes:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The container, without its name. */}}
{{- define "landfall.container" -}}
{{- $controller := .Values.controller -}}
image: {{ include "landfall.image" . }}
imagePullPolicy: {{ $controller.image.pullPolicy }}
args:
  {{- include "landfall.args" . | trim | nindent 2 }}
env:
  - name: POD_NAME
    valueFrom:
      fieldRef:
        fieldPath: metadata.name
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  {{- with $controller.extraEnvs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  {{- include "landfall.ports" . | trim | nindent 2 }}
{{- range $probe := list "startupProbe" "livenessProbe" "readinessProbe" }}
{{- with get $controller $probe }}
{{ $probe }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with $controller.lifecycle }}
lifecycle:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $controller.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if and $controller.resizePolicy (semverCompare ">=1.33.0-0" .Capabilities.KubeVersion.Version) }}
resizePolicy:
  {{- toYaml $controller.resizePolicy | nindent 2 }}
{{- end }}
securityContext:
  {{- include "landfall.controller.securityContext" . | nindent 2 }}
{{- with $controller.extraVolumeMounts }}
volumeMounts:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A host port is the container's own where the pod is on the host's network. */}}
{{- define "landfall.ports" -}}
{{- $controller := .Values.controller -}}
{{- range $name := list "http" "https" -}}
{{- $port := include "landfall.port" (dict "root" $ "name" $name) }}
- name: {{ $name }}
  containerPort: {{ $port }}
  protocol: TCP
  {{- if and $controller.hostPort.enabled (not $controller.hostNetwork) }}
  hostPort: {{ get $controller.hostPort.ports $name | default $port }}
  {{- end }}
{{- end }}
{{- range $name, $port := omit $controller.containerPort "http" "https" }}
- name: {{ $name }}
  containerPort: {{ $port }}
  protocol: TCP
{{- end }}
- name: {{ $controller.metrics.portName }}
  containerPort: {{ include "landfall.adminPort" . }}
  protocol: TCP
{{- end -}}

{{- define "landfall.controller.securityContext" -}}
{{- $controller := .Values.controller -}}
{{- if $controller.containerSecurityContext -}}
{{- toYaml $controller.containerSecurityContext -}}
{{- else -}}
{{- $add := list -}}
{{- range $name := list "http" "https" -}}
{{- if lt (include "landfall.port" (dict "root" $ "name" $name) | int) 1024 -}}
{{- $add = list "NET_BIND_SERVICE" -}}
{{- end -}}
{{- end -}}
{{- include "landfall.securityContext" (dict "image" $controller.image "add" $add) -}}
{{- end -}}
{{- end -}}
