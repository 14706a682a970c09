{{/* The pods of one part of this release, as a peer: (list $ "gateway"). */}}
{{- define "genesis.partPeer" -}}
- podSelector:
    matchLabels: {{- include "genesis.selector" . | nindent 6 }}
{{- end -}}

{{/* The same from another namespace. */}}
{{- define "genesis.remotePartPeer" -}}
- namespaceSelector:
    matchLabels: { kubernetes.io/metadata.name: {{ (first .).Release.Namespace }} }
  podSelector:
    matchLabels: {{- include "genesis.selector" . | nindent 6 }}
{{- end -}}

{{/* The pods of models with one of some roles, in every namespace that has models: (list $ "serving" …). */}}
{{- define "genesis.modelPeer" -}}
{{- $root := first . -}}
- namespaceSelector:
    {{- if or $root.Values.watchNamespace $root.Values.networkPolicy.modelNamespaces }}
    matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: In
        values: {{ include "genesis.modelNamespaces" $root }}
    {{- else }}
    {}
    {{- end }}
  podSelector:
    matchExpressions:
      - { key: genesis.truth.si/role, operator: In, values: {{ rest . | toJson }} }
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
