{{/* The template of the default backend's pods. */}}
{{- define "landfall.defaultBackend.pod" -}}
{{- $backend := .Values.defaultBackend -}}
metadata:
  labels:
    {{- include "landfall.defaultBackend.labels" . | nindent 4 }}
    {{- with $backend.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $backend.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "landfall.defaultBackend.serviceAccountName" . }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- range $field := list "priorityClassName" "runtimeClassName" }}
  {{- with get $backend $field }}
  {{ $field }}: {{ . }}
  {{- end }}
  {{- end }}
  {{- with $backend.podSecurityContext }}
  securityContext:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $backend.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- range $field := list "tolerations" "affinity" "topologySpreadConstraints" }}
  {{- with get $backend $field }}
  {{ $field }}:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  {{- end }}
  containers:
    - name: {{ include "landfall.name" . }}-default-backend
      image: {{ include "landfall.defaultBackend.image" . }}
      imagePullPolicy: {{ $backend.image.pullPolicy }}
      {{- with $backend.extraArgs }}
      args:
        {{- range $name, $value := . }}
        - {{ printf "--%s=%s" $name (include "landfall.text" $value) | trimSuffix "=" | quote }}
        {{- end }}
      {{- end }}
      {{- with $backend.extraEnvs }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ int64 $backend.port }}
          protocol: TCP
      {{- range $probe := list "livenessProbe" "readinessProbe" }}
      {{- with get $backend $probe }}
      {{ $probe }}:
        {{- $standard := dict "httpGet" (dict "path" "/healthz" "port" "http" "scheme" "HTTP") }}
        {{- toYaml (merge (dict) . $standard) | nindent 8 }}
      {{- end }}
      {{- end }}
      {{- with $backend.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- if $backend.containerSecurityContext }}
        {{- toYaml $backend.containerSecurityContext | nindent 8 }}
        {{- else }}
        {{- include "landfall.securityContext" (dict "image" $backend.image "add" list) | nindent 8 }}
        {{- end }}
      {{- with $backend.extraVolumeMounts }}
      volumeMounts:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- with $backend.extraVolumes }}
  volumes:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "landfall.defaultBackend.image" -}}
{{- $image := .Values.defaultBackend.image -}}
{{- $registry := default .Values.global.image.registry $image.registry -}}
{{- $name := default (printf "%s/%s" $registry $image.image | trimPrefix "/") $image.repository -}}
{{- with $image.tag }}{{ $name = printf "%s:%s" $name (toString .) }}{{ end -}}
{{- with $image.digest }}{{ $name = printf "%s@%s" $name . }}{{ end -}}
{{- $name -}}
{{- end -}}
