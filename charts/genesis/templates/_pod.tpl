{{/* What both pods have in common: call with (list $ "operator"). */}}
{{- define "genesis.podSpec" -}}
{{- $root := first . -}}
{{- $part := index $root.Values (last .) -}}
serviceAccountName: {{ include "genesis.serviceAccount" . }}
# Both speak to the Kubernetes API. The account itself hands out no token, so that no other pod gets one by accident.
automountServiceAccountToken: true
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ $root.Values.podSecurity.runAsUser }}
  runAsGroup: {{ $root.Values.podSecurity.runAsGroup }}
  fsGroup: {{ $root.Values.podSecurity.fsGroup }}
  # A store with many files is not walked at every start.
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with $part.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{/* What both containers have in common. */}}
{{- define "genesis.container" -}}
{{- $root := first . -}}
{{- $part := index $root.Values (last .) -}}
image: {{ include "genesis.image" $root }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
command: [genesis]
args: [{{ last . }}]
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
resources: {{- toYaml $part.resources | nindent 2 }}
{{- end -}}

{{/* Environment that both have in common. */}}
{{- define "genesis.env" -}}
{{- $root := first . -}}
{{- $part := index $root.Values (last .) -}}
- name: POD_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: GENESIS_SERVICE_TOKEN
  valueFrom:
    secretKeyRef: { name: {{ include "genesis.secretName" $root }}, key: {{ $root.Values.serviceToken.key }} }
{{- if eq $root.Values.watchNamespace $root.Release.Namespace }}
- { name: GENESIS_NAMESPACE, value: $(POD_NAMESPACE) }
{{- else if $root.Values.watchNamespace }}
- { name: GENESIS_NAMESPACE, value: {{ $root.Values.watchNamespace | quote }} }
{{- end }}
- { name: RUST_LOG, value: {{ $root.Values.logLevel | quote }} }
{{- with $part.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels and annotations of a part's pods. */}}
{{- define "genesis.podMetadata" -}}
{{- $root := first . -}}
{{- $part := index $root.Values (last .) -}}
labels:
  {{- include "genesis.partLabels" . | nindent 2 }}
  {{- with $part.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $part.podAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
