//! The Deployments and the Service of a model.

use genesis_api::GenesisModel;
use genesis_api::names::{INFERENCE_ADMIN_PORT, INFERENCE_PORT, Role, SANDBOX_PORT, pod_labels, workload_name};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    HTTPGetAction, PodTemplateSpec, Probe, ResourceRequirements, Service, ServicePort, ServiceSpec, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;
use kube::api::ObjectMeta;

use crate::apply::owned_by;
use crate::config::Settings;
use crate::pods::{ContainerPlan, needs_device, runtime_class, template};

/// The inference servers.
pub(super) fn serving(model: &GenesisModel, settings: &Settings) -> Deployment {
    let spec = &model.spec.serving;
    let plan = ContainerPlan {
        command: vec!["genesis-inference".into()],
        args: [
            ("--model", model.spec.base_model.uri.clone()),
            ("--served-model-name", model.spec.served_model_name.clone()),
            ("--host", "$(POD_IP)".into()),
            ("--port", INFERENCE_PORT.to_string()),
            ("--admin-port", INFERENCE_ADMIN_PORT.to_string()),
            ("--max-loras", spec.max_loras.to_string()),
            ("--max-lora-rank", spec.max_lora_rank.to_string()),
        ]
        .into_iter()
        .flat_map(|(flag, value)| [flag.to_owned(), value])
        .collect(),
        ports: vec![("http", INFERENCE_PORT), ("admin", INFERENCE_ADMIN_PORT)],
        readiness: Some(http_probe("/readyz", 1, 3)),
        // A minute without an answer: a server that is only busy answers this one.
        liveness: Some(http_probe("/healthz", 10, 6)),
        // Twenty minutes: a large model is read from a slow disk.
        startup: Some(http_probe("/healthz", 1, 1_200)),
        ..ContainerPlan::default()
    };
    let pod = template(&model.name_any(), Role::Serving, plan, &spec.pod, Some(&model.spec.storage), settings);
    let mut deployment = deployment(model, Role::Serving, spec.replicas, pod);
    if let Some(spec) = deployment.spec.as_mut().filter(|_| needs_device(&model.spec.serving.pod)) {
        spec.strategy = Some(one_after_the_other());
    }
    deployment
}

/// The pool of sandboxes. It is given no volume: what runs in it is hostile.
pub(super) fn sandbox(model: &GenesisModel, settings: &Settings) -> Deployment {
    let spec = &model.spec.sandbox;
    let listen = format!("$(POD_IP):{SANDBOX_PORT}");
    let apart = runtime_class(Role::Sandbox, &spec.pod, settings).is_some();
    // Cells of one gVisor share a user, its bound on processes and the pod's memory: there one program runs at a time.
    let (pods, workers) = if apart { (spec.replicas * spec.workers, 1) } else { (spec.replicas, spec.workers) };
    let mut arguments = ["serve", "--listen", &listen, "--workers", &workers.to_string()].map(str::to_owned).to_vec();
    if apart {
        // It proves that before it listens: a class may be bound to another runtime than its name says.
        arguments.extend(["--require".to_owned(), "gvisor".to_owned()]);
    }
    let plan = ContainerPlan {
        command: vec!["genesis-sandbox".into()],
        args: arguments,
        resources: Some(bounds()),
        ports: vec![("sandbox", SANDBOX_PORT)],
        readiness: Some(Probe {
            tcp_socket: Some(TCPSocketAction { port: IntOrString::Int(SANDBOX_PORT.into()), host: None }),
            period_seconds: Some(1),
            failure_threshold: Some(3),
            ..Probe::default()
        }),
        ..ContainerPlan::default()
    };
    let pod = template(&model.name_any(), Role::Sandbox, plan, &spec.pod, None, settings);
    deployment(model, Role::Sandbox, pods, pod)
}

/// What a pod under gVisor may use: a core, and memory for a program at its bound and its judge. Without control groups
/// inside, the pod's bounds are the ones that nothing gets around.
fn bounds() -> ResourceRequirements {
    let quantities = |pairs: [(&str, String); 3]| {
        Some(pairs.into_iter().map(|(name, value)| (name.to_owned(), Quantity(value))).collect())
    };
    ResourceRequirements {
        requests: quantities([
            ("cpu", "100m".into()),
            ("memory", "128Mi".into()),
            ("ephemeral-storage", "64Mi".into()),
        ]),
        limits: quantities([("cpu", "1".into()), ("memory", "1Gi".into()), ("ephemeral-storage", "1Gi".into())]),
        ..ResourceRequirements::default()
    }
}

/// The address of the inference servers inside the cluster. The port that loads adapters is not part of it.
pub(super) fn service(model: &GenesisModel) -> Service {
    Service {
        metadata: metadata(model, Role::Serving),
        spec: Some(ServiceSpec {
            selector: Some(pod_labels(&model.name_any(), Role::Serving)),
            ports: Some(vec![ServicePort {
                name: Some("http".into()),
                port: INFERENCE_PORT.into(),
                target_port: Some(IntOrString::Int(INFERENCE_PORT.into())),
                protocol: Some("TCP".into()),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

fn deployment(model: &GenesisModel, role: Role, replicas: i32, template: PodTemplateSpec) -> Deployment {
    let labels = pod_labels(&model.name_any(), role);
    Deployment {
        metadata: metadata(model, role),
        spec: Some(DeploymentSpec {
            replicas: Some(replicas),
            selector: LabelSelector { match_labels: Some(labels), match_expressions: None },
            template,
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// A pod gives its device back before the next one asks for it: there may be no other one in the cluster.
fn one_after_the_other() -> DeploymentStrategy {
    DeploymentStrategy {
        type_: Some("RollingUpdate".into()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(IntOrString::Int(0)),
            max_unavailable: Some(IntOrString::Int(1)),
        }),
    }
}

fn metadata(model: &GenesisModel, role: Role) -> ObjectMeta {
    ObjectMeta {
        name: Some(workload_name(&model.name_any(), role)),
        namespace: model.namespace(),
        labels: Some(pod_labels(&model.name_any(), role)),
        owner_references: Some(owned_by(model)),
        ..ObjectMeta::default()
    }
}

fn http_probe(path: &str, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::Int(INFERENCE_PORT.into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failure_threshold),
        ..Probe::default()
    }
}
