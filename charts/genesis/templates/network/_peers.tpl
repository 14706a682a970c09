{{/* The pods of one part of this release, as a peer: (list $ "gateway"). */}}
{{- define "genesis.partPeer" -}}
- podSelector:
    matchLabels: {{- include "genesis.selector" . | nindent 6 }}
{{- end -}}

{{/*
The same, seen from a namespace with models: (list $ NAMESPACE "gateway"). Where that is the release's own it is not
named, here and below, so that the objects can be moved to another one as a whole.
*/}}
{{- define "genesis.partPeerFrom" -}}
{{- $root := first . -}}
{{- if eq (index . 1) $root.Release.Namespace -}}
{{ include "genesis.partPeer" (list $root (last .)) }}
{{- else -}}
- namespaceSelector:
    matchLabels: { kubernetes.io/metadata.name: {{ $root.Release.Namespace }} }
  podSelector:
    matchLabels: {{- include "genesis.selector" (list $root (last .)) | nindent 6 }}
{{- end -}}
{{- end -}}

{{/* The pods of models with one of some roles, in every namespace that has models: (list $ "serving" …). */}}
{{- define "genesis.modelPeer" -}}
{{- $root := first . -}}
{{- $namespaces := include "genesis.modelNamespaces" $root | fromJsonArray -}}
{{- $everywhere := not (or $root.Values.watchNamespace $root.Values.networkPolicy.modelNamespaces) -}}
{{- $pods := printf "{ key: genesis.truth.si/role, operator: In, values: %s }" (rest . | toJson) -}}
{{- if $everywhere -}}
- namespaceSelector: {}
  podSelector:
    matchExpressions: [{{ $pods }}]
{{- else -}}
{{- if has $root.Release.Namespace $namespaces -}}
- podSelector:
    matchExpressions: [{{ $pods }}]
{{ end -}}
{{- with without $namespaces $root.Release.Namespace -}}
- namespaceSelector:
    matchExpressions: [{ key: kubernetes.io/metadata.name, operator: In, values: {{ toJson . }} }]
  podSelector:
    matchExpressions: [{{ $pods }}]
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Egress to name resolution. */}}
{{- define "genesis.dnsEgress" -}}
- to: {{- toYaml .Values.networkPolicy.dnsTo | nindent 4 }}
  ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{- end -}}

{{/* Egress to the Kubernetes API. */}}
{{- define "genesis.apiEgress" -}}
{{- with .Values.networkPolicy.kubernetesApi -}}
- ports:
    {{- range .ports }}
    - { port: {{ . }}, protocol: TCP }
    {{- end }}
  {{- with .cidrs }}
  to:
    {{- range . }}
    - ipBlock: { cidr: {{ . }} }
    {{- end }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* Head of a policy for the pods of models: (list $ NAMESPACE SUFFIX). */}}
{{- define "genesis.modelPolicy" -}}
{{- $root := first . -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "genesis.fullname" $root }}-models-{{ last . }}
  namespace: {{ index . 1 }}
  labels: {{- include "genesis.labels" $root | nindent 4 }}
{{- end -}}
