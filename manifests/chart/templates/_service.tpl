{{/* A Service for clients. `service` holds its values, `name` and `labels` what sets it apart. */}}
{{- define "landfall.service" -}}
{{- $service := .service -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ include "landfall.namespace" .root }}
  labels:
    {{- include "landfall.controller.componentLabels" .root | nindent 4 }}
    {{- with merge (dict) .labels .root.Values.controller.service.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $service.annotations }}
  annotations:
    {{- range $key, $value := . }}
    {{ $key }}: {{ tpl (include "landfall.text" $value) $.root | quote }}
    {{- end }}
  {{- end }}
spec:
  type: {{ $service.type }}
  {{- range $field := list "clusterIP" "loadBalancerIP" "loadBalancerClass" "externalTrafficPolicy" "sessionAffinity" "ipFamilyPolicy" }}
  {{- $external := has $service.type (list "LoadBalancer" "NodePort") }}
  {{- with get $service $field }}
  {{- if or $external (ne $field "externalTrafficPolicy") }}
  {{ $field }}: {{ . }}
  {{- end }}
  {{- end }}
  {{- end }}
  {{- range $field := list "clusterIPs" "externalIPs" "loadBalancerSourceRanges" "ipFamilies" }}
  {{- with get $service $field }}
  {{ $field }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- if hasKey $service "allocateLoadBalancerNodePorts" }}
  allocateLoadBalancerNodePorts: {{ $service.allocateLoadBalancerNodePorts }}
  {{- end }}
  {{- with $service.healthCheckNodePort }}
  healthCheckNodePort: {{ int64 . }}
  {{- end }}
  {{- if and $service.trafficDistribution (semverCompare ">=1.31.0-0" .root.Capabilities.KubeVersion.Version) }}
  trafficDistribution: {{ $service.trafficDistribution }}
  {{- end }}
  selector:
    {{- include "landfall.controller.selectorLabels" .root | nindent 4 }}
  ports:
    {{- range $name, $enabled := dict "http" $service.enableHttp "https" $service.enableHttps }}
    {{- if $enabled }}
    - name: {{ $name }}
      port: {{ get $service.ports $name | int64 }}
      protocol: TCP
      targetPort: {{ get $service.targetPorts $name }}
      {{- if $service.appProtocol }}
      appProtocol: {{ $name }}
      {{- end }}
      {{- if has $service.type (list "LoadBalancer" "NodePort") }}
      {{- with get $service.nodePorts $name }}
      nodePort: {{ int64 . }}
      {{- end }}
      {{- end }}
    {{- end }}
    {{- end }}
{{- end -}}
