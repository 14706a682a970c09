{{/*
What the operator does, verb by verb: it reads with get, list and watch; creates children; makes Deployments and
Services as they should be with server-side apply, which needs create and patch; replaces a status with update.
*/}}
{{- define "genesis.operatorRules" -}}
# Models are people's. The only patch is the annotation by which a turn of the loop is asked for.
- apiGroups: [genesis.truth.si]
  resources: [genesismodels]
  verbs: [get, list, watch, patch]
- apiGroups: [genesis.truth.si]
  resources: [trainingruns, evaluations, rollouts]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [genesis.truth.si]
  resources: [genesismodels/status, trainingruns/status, evaluations/status, rollouts/status]
  verbs: [update]
# Inference servers and sandbox pools. They go with their model, by garbage collection.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [get, create, patch]
# Trainers and evaluators.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
# Each trainer and evaluator gets a token of its own. Nobody's Secrets are read.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
# Addresses and readiness of a model's pods.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{/* The gateway follows three kinds and writes nothing. */}}
{{- define "genesis.gatewayRules" -}}
- apiGroups: [genesis.truth.si]
  resources: [genesismodels, rollouts]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- end -}}

{{/* A role with its binding, for all namespaces or the watched one: (list $ "operator"). */}}
{{- define "genesis.role" -}}
{{- $root := first . -}}
{{- $name := printf "%s-%s" (include "genesis.fullname" $root) (last .) -}}
{{- $scoped := not (empty $root.Values.watchNamespace) -}}
{{- if not $scoped }}
{{- /* Names of cluster-wide objects carry the namespace: releases in two namespaces do not share them. */}}
{{- $name = printf "%s-%s" $root.Release.Namespace $name -}}
{{- end -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $scoped | ternary "Role" "ClusterRole" }}
metadata:
  name: {{ $name }}
  {{- if $scoped }}
  namespace: {{ $root.Values.watchNamespace }}
  {{- end }}
  labels: {{- include "genesis.partLabels" . | nindent 4 }}
rules:
  {{- include (printf "genesis.%sRules" (last .)) $root | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $scoped | ternary "RoleBinding" "ClusterRoleBinding" }}
metadata:
  name: {{ $name }}
  {{- if $scoped }}
  namespace: {{ $root.Values.watchNamespace }}
  {{- end }}
  labels: {{- include "genesis.partLabels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $scoped | ternary "Role" "ClusterRole" }}
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "genesis.serviceAccount" . }}
    namespace: {{ $root.Release.Namespace }}
{{- end -}}
