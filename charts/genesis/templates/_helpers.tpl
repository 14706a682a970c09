{{- define "genesis.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "genesis.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: genesis
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: genesis
{{- end -}}

{{/* Labels of one part: call with (list $ "operator"). */}}
{{- define "genesis.partLabels" -}}
{{ include "genesis.labels" (first .) }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{/* What selects the pods of one part; never changes between versions. */}}
{{- define "genesis.selector" -}}
app.kubernetes.io/name: genesis
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{- define "genesis.image" -}}
{{- $image := .Values.image -}}
{{- if $image.registry }}{{ trimSuffix "/" $image.registry }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end -}}
{{- end -}}

{{/* Name of a part's ServiceAccount. */}}
{{- define "genesis.serviceAccount" -}}
{{- $root := first . -}}
{{- $account := (index $root.Values (last .)).serviceAccount -}}
{{- $own := printf "%s-%s" (include "genesis.fullname" $root) (last .) -}}
{{- if $account.create -}}
{{- default $own $account.name -}}
{{- else -}}
{{- required (printf "%s.serviceAccount.name is needed where the chart makes none" (last .)) $account.name -}}
{{- end -}}
{{- end -}}

{{- define "genesis.secretName" -}}
{{- default (printf "%s-service-token" (include "genesis.fullname" .)) .Values.serviceToken.existingSecret -}}
{{- end -}}

{{- define "genesis.artifactsClaim" -}}
{{- default .Values.artifacts.claimName .Values.artifacts.existingClaim -}}
{{- end -}}

{{- define "genesis.ledgerClaim" -}}
{{- default (printf "%s-ledger" (include "genesis.fullname" .)) .Values.gateway.persistence.existingClaim -}}
{{- end -}}

{{/* Namespaces with model pods, as JSON. */}}
{{- define "genesis.modelNamespaces" -}}
{{- $one := list (default .Release.Namespace .Values.watchNamespace) -}}
{{- default $one .Values.networkPolicy.modelNamespaces | uniq | toJson -}}
{{- end -}}
