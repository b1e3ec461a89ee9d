{{/* A line for each value given that has no effect. */}}
{{- define "landfall.withoutEffect" -}}
{{- range $row := .Files.Get "without-effect.yaml" | fromYamlArray -}}
{{- $given := $.Values.AsMap -}}
{{- range $name := splitList "." $row.value -}}
{{- $given = ternary (get (ternary $given dict (kindIs "map" $given)) $name) nil (kindIs "map" $given) -}}
{{- end -}}
{{- $quiet := and (hasKey $row "quiet") (or (kindIs "invalid" $given) (eq (toJson $given) (toJson $row.quiet)) (eq (toJson $given) "\"\"")) -}}
{{- if not (or $quiet (and (not (hasKey $row "quiet")) (empty $given))) }}
* {{ $row.value }} has no effect: {{ $row.reason }}.
{{- end -}}
{{- end -}}
{{- if include "landfall.image.foreign" . }}
* controller.image names an image of ingress-nginx and is passed over: {{ include "landfall.image" . }} is used.
{{- end -}}
{{- $hook := dig "preStop" "exec" "command" list (default dict .Values.controller.lifecycle) -}}
{{- if and $hook (ne (first $hook) "/wait-shutdown") }}
* controller.lifecycle calls {{ first $hook }}, which the image does not hold: the hook fails, and the pod ends gracefully without it.
{{- end -}}
{{- end -}}
