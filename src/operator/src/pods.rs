//! Pods as Genesis makes them: one container, no credentials of the cluster, addresses by the downward API.

use std::collections::BTreeMap;

use genesis_api::names::{Role, pod_labels};
use genesis_api::{PodSettings, StorageSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, ObjectFieldSelector,
    PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec, Probe, ResourceRequirements,
    SeccompProfile, SecurityContext, Toleration, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::ObjectMeta;

use crate::config::Settings;

/// Name of the volume that holds artifacts.
const ARTIFACTS: &str = "artifacts";

/// The user and group of pods that need no rights.
const NOBODY: i64 = 65_532;

/// What one role's container is.
#[derive(Clone, Debug, Default)]
pub struct ContainerPlan {
    /// Program.
    pub command: Vec<String>,
    /// Its arguments. `$(POD_IP)` is replaced by the kubelet.
    pub args: Vec<String>,
    /// Environment of its own.
    pub env: Vec<EnvVar>,
    /// Ports by name.
    pub ports: Vec<(&'static str, u16)>,
    /// When it takes work.
    pub readiness: Option<Probe>,
    /// When it is hung.
    pub liveness: Option<Probe>,
    /// When it has started: the other two wait for that.
    pub startup: Option<Probe>,
    /// What it may use under a RuntimeClass, where the spec says nothing.
    pub resources: Option<ResourceRequirements>,
}

/// A pod template for a model and a role.
pub fn template(
    model: &str,
    role: Role,
    plan: ContainerPlan,
    pod: &PodSettings,
    storage: Option<&StorageSpec>,
    settings: &Settings,
) -> PodTemplateSpec {
    let claim = storage
        .and_then(|storage| Some((storage.claim_name.clone()?, storage.uri.strip_prefix("file://")?.to_owned())));
    let mut env = addresses();
    env.extend(settings.pod_environment.iter().map(|(name, value)| variable(name, value)));
    env.extend(plan.env);
    let runtime_class = runtime_class(role, pod, settings);
    let image = pod.image.clone().unwrap_or_else(|| settings.images.of(role).to_owned());
    let container = Container {
        name: role.to_string(),
        image_pull_policy: Some(pull_policy(&image).into()),
        image: Some(image),
        command: Some(plan.command),
        args: Some(plan.args),
        env: Some(env),
        ports: none_if_empty(plan.ports.into_iter().map(port).collect()),
        readiness_probe: plan.readiness,
        liveness_probe: plan.liveness,
        startup_probe: plan.startup,
        resources: resources(pod, plan.resources.filter(|_| runtime_class.is_some())),
        volume_mounts: claim.as_ref().map(|(_, path)| {
            vec![VolumeMount { name: ARTIFACTS.into(), mount_path: path.clone(), ..VolumeMount::default() }]
        }),
        security_context: Some(restricted(role)),
        ..Container::default()
    };
    let spec = PodSpec {
        containers: vec![container],
        // Nothing in these pods speaks to the Kubernetes API, and generated code must find no token.
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        node_selector: Some(pod.node_selector.clone()).filter(|labels| !labels.is_empty()),
        tolerations: none_if_empty(pod.tolerations.iter().map(toleration).collect()),
        runtime_class_name: runtime_class.clone(),
        priority_class_name: pod.priority_class_name.clone(),
        volumes: claim.map(|(claim_name, _)| {
            vec![Volume {
                name: ARTIFACTS.into(),
                persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource { claim_name, ..Default::default() }),
                ..Volume::default()
            }]
        }),
        security_context: unprivileged(role, runtime_class.is_some()),
        ..PodSpec::default()
    };
    let metadata = ObjectMeta { labels: Some(pod_labels(model, role)), ..ObjectMeta::default() };
    PodTemplateSpec { metadata: Some(metadata), spec: Some(spec) }
}

/// What a server fills in for a new pod. Where it is left out, a workload keeps what was filled in for the image it had
/// before.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or_default();
    let latest = name.ends_with(":latest") || !name.contains([':', '@']);
    if latest { "Always" } else { "IfNotPresent" }
}

/// An environment variable.
pub fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.into(), value: Some(value.into()), value_from: None }
}

/// POD_IP, POD_NAME and POD_NAMESPACE.
fn addresses() -> Vec<EnvVar> {
    [("POD_IP", "status.podIP"), ("POD_NAME", "metadata.name"), ("POD_NAMESPACE", "metadata.namespace")]
        .map(|(name, path)| {
            let field = ObjectFieldSelector { api_version: Some("v1".into()), field_path: path.into() };
            let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
            EnvVar { name: name.into(), value: None, value_from: Some(source) }
        })
        .into()
}

fn port((name, number): (&'static str, u16)) -> ContainerPort {
    // The protocol is named because it is part of the key by which server-side apply merges ports.
    ContainerPort {
        name: Some(name.into()),
        container_port: number.into(),
        protocol: Some("TCP".into()),
        ..Default::default()
    }
}

/// The RuntimeClass of a role's pods: what the spec says, or for sandboxes what the operator was told.
pub fn runtime_class(role: Role, pod: &PodSettings, settings: &Settings) -> Option<String> {
    let own = || settings.sandbox_runtime_class.clone().filter(|_| role == Role::Sandbox);
    pod.runtime_class_name.clone().or_else(own)
}

fn restricted(role: Role) -> SecurityContext {
    SecurityContext {
        // A supervisor writes nothing: the scratch of its cells is memory.
        read_only_root_filesystem: (role == Role::Sandbox).then_some(true),
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), add: None }),
        ..SecurityContext::default()
    }
}

/// A user without rights, and the system calls that container runtimes allow by default. The store's volume belongs to
/// that user's group. A sandbox pool on the node's own kernel needs root and calls that this profile forbids; under a
/// RuntimeClass, where the kernel is gVisor's, it needs neither.
fn unprivileged(role: Role, has_runtime_class: bool) -> Option<PodSecurityContext> {
    (role != Role::Sandbox || has_runtime_class).then(|| PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(NOBODY),
        run_as_group: Some(NOBODY),
        fs_group: (role != Role::Sandbox).then_some(NOBODY),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".into(), localhost_profile: None }),
        ..PodSecurityContext::default()
    })
}

/// Whether a pod asks for a device, a GPU above all. Such resources have a domain in their name.
pub fn needs_device(pod: &PodSettings) -> bool {
    let names = pod.resources.iter().flat_map(|resources| resources.requests.keys().chain(resources.limits.keys()));
    names.into_iter().any(|name| name.contains('/'))
}

/// What the spec says of a quantity counts; where it is silent, the role's own stands.
fn resources(pod: &PodSettings, own: Option<ResourceRequirements>) -> Option<ResourceRequirements> {
    type Quantities = BTreeMap<String, Quantity>;
    let merged = |own: Option<Quantities>, said: &BTreeMap<String, String>| {
        let mut all = own.unwrap_or_default();
        all.extend(said.iter().map(|(name, value)| (name.clone(), Quantity(value.clone()))));
        Some(all).filter(|all| !all.is_empty())
    };
    let Some(said) = &pod.resources else { return own };
    let own = own.unwrap_or_default();
    Some(ResourceRequirements {
        requests: merged(own.requests, &said.requests),
        limits: merged(own.limits, &said.limits),
        ..ResourceRequirements::default()
    })
}

fn toleration(toleration: &genesis_api::Toleration) -> Toleration {
    Toleration {
        key: toleration.key.clone(),
        operator: toleration.operator.clone(),
        value: toleration.value.clone(),
        effect: toleration.effect.clone(),
        toleration_seconds: None,
    }
}

fn none_if_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_that_may_move_is_pulled_again() {
        let policies = ["a", "host:5000/a", "a:latest"].map(pull_policy);
        assert_eq!(policies, ["Always"; 3]);
        assert_eq!(["a:1", "host:5000/a:1", "a@sha256:0"].map(pull_policy), ["IfNotPresent"; 3]);
    }
}
