{{/* What is watched in every namespace that is served, and what is said about it there: no verb more than it takes. */}}
{{- define "landfall.rbac.objects" -}}
{{- $extra := .Values.controller.extraArgs -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [services, endpoints, secrets, configmaps]
  verbs: [list, watch]
{{- if ne (toString (get $extra "update-status")) "false" }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [update]
{{- end }}
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* What belongs to no namespace. */}}
{{- define "landfall.rbac.cluster" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [list, watch]
{{- if and .Values.controller.scope.namespaceSelector (not .Values.controller.scope.enabled) }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}
{{- if not (include "landfall.publishService" .) }}
- apiGroups: [""]
  resources: [nodes]
  verbs: [get]
{{- end }}
{{- end -}}

{{/* What concerns its own pods, in their namespace. */}}
{{- define "landfall.rbac.own" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "landfall.electionID" . }}]
  verbs: [get, update]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
{{- if include "landfall.publishService" . }}
- apiGroups: [""]
  resources: [services]
  verbs: [get]
{{- end }}
{{- end -}}

{{/* A role and its binding to the service account. `kind`, `name` and `namespace` (empty for a ClusterRole) set it apart. */}}
{{- define "landfall.rbac.role" -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "landfall.controller.labels" .root | nindent 4 }}
rules:
  {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "landfall.controller.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "landfall.serviceAccountName" .root }}
    namespace: {{ include "landfall.namespace" .root }}
{{- end -}}
