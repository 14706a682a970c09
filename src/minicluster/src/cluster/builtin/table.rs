//! The table of compiled-in kinds.

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, ReplicaSet},
        batch::v1::Job,
        coordination::v1::Lease,
        core::v1::{ConfigMap, Event, Namespace, Node, Pod, Secret, Service, ServiceAccount},
        events::v1::Event as EventsEvent,
        node::v1::RuntimeClass,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};

use super::{BuiltinKind, Rules, apps, batch, core, events, pod, typed};
use crate::cluster::crd;

const BASE: BuiltinKind = BuiltinKind {
    group: "",
    version: "v1",
    kind: "",
    plural: "",
    singular: "",
    short_names: &[],
    categories: &[],
    namespaced: true,
    has_status: false,
    counts_generations: false,
    unconditional_update: true,
    round_trip: Ok,
    rules: Rules::PLAIN,
};

/// Kinds users see under `kubectl get all` and whose spec changes count as generations.
const WORKLOAD: BuiltinKind = BuiltinKind { categories: &["all"], has_status: true, counts_generations: true, ..BASE };

const RBAC: BuiltinKind = BuiltinKind { group: "rbac.authorization.k8s.io", ..BASE };

/// Every compiled-in kind.
pub static KINDS: &[BuiltinKind] = &[
    BuiltinKind {
        kind: "Namespace",
        plural: "namespaces",
        singular: "namespace",
        short_names: &["ns"],
        namespaced: false,
        has_status: true,
        round_trip: typed::<Namespace>,
        rules: core::NAMESPACE,
        ..BASE
    },
    BuiltinKind {
        kind: "Pod",
        plural: "pods",
        singular: "pod",
        short_names: &["po"],
        round_trip: typed::<Pod>,
        rules: pod::POD,
        ..WORKLOAD
    },
    BuiltinKind {
        kind: "Service",
        plural: "services",
        singular: "service",
        short_names: &["svc"],
        counts_generations: false,
        round_trip: typed::<Service>,
        rules: core::SERVICE,
        ..WORKLOAD
    },
    BuiltinKind {
        kind: "ConfigMap",
        plural: "configmaps",
        singular: "configmap",
        short_names: &["cm"],
        round_trip: typed::<ConfigMap>,
        rules: core::CONFIG_MAP,
        ..BASE
    },
    BuiltinKind {
        kind: "Secret",
        plural: "secrets",
        singular: "secret",
        round_trip: typed::<Secret>,
        rules: core::SECRET,
        ..BASE
    },
    BuiltinKind {
        kind: "ServiceAccount",
        plural: "serviceaccounts",
        singular: "serviceaccount",
        short_names: &["sa"],
        round_trip: typed::<ServiceAccount>,
        ..BASE
    },
    BuiltinKind {
        kind: "Event",
        plural: "events",
        singular: "event",
        short_names: &["ev"],
        round_trip: typed::<Event>,
        rules: events::RULES,
        ..BASE
    },
    BuiltinKind {
        group: "events.k8s.io",
        kind: "Event",
        plural: "events",
        singular: "event",
        short_names: &["ev"],
        round_trip: typed::<EventsEvent>,
        rules: events::RULES,
        ..BASE
    },
    BuiltinKind {
        kind: "Node",
        plural: "nodes",
        singular: "node",
        short_names: &["no"],
        namespaced: false,
        has_status: true,
        round_trip: typed::<Node>,
        rules: core::NODE,
        ..BASE
    },
    BuiltinKind {
        group: "batch",
        kind: "Job",
        plural: "jobs",
        singular: "job",
        round_trip: typed::<Job>,
        rules: batch::JOB,
        ..WORKLOAD
    },
    BuiltinKind {
        group: "apps",
        kind: "Deployment",
        plural: "deployments",
        singular: "deployment",
        short_names: &["deploy"],
        round_trip: typed::<Deployment>,
        rules: apps::DEPLOYMENT,
        ..WORKLOAD
    },
    BuiltinKind {
        group: "apps",
        kind: "ReplicaSet",
        plural: "replicasets",
        singular: "replicaset",
        short_names: &["rs"],
        round_trip: typed::<ReplicaSet>,
        rules: apps::REPLICA_SET,
        ..WORKLOAD
    },
    BuiltinKind {
        group: "coordination.k8s.io",
        kind: "Lease",
        plural: "leases",
        singular: "lease",
        unconditional_update: false,
        round_trip: typed::<Lease>,
        ..BASE
    },
    BuiltinKind {
        group: "apiextensions.k8s.io",
        kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
        singular: "customresourcedefinition",
        short_names: &["crd", "crds"],
        categories: &["api-extensions"],
        namespaced: false,
        unconditional_update: false,
        round_trip: typed::<CustomResourceDefinition>,
        rules: crd::RULES,
        ..WORKLOAD
    },
    BuiltinKind {
        group: "node.k8s.io",
        kind: "RuntimeClass",
        plural: "runtimeclasses",
        singular: "runtimeclass",
        namespaced: false,
        round_trip: typed::<RuntimeClass>,
        ..BASE
    },
    BuiltinKind {
        group: "policy",
        kind: "PodDisruptionBudget",
        plural: "poddisruptionbudgets",
        singular: "poddisruptionbudget",
        short_names: &["pdb"],
        categories: &[],
        round_trip: typed::<PodDisruptionBudget>,
        rules: core::CLEARS_STATUS,
        ..WORKLOAD
    },
    BuiltinKind { kind: "Role", plural: "roles", singular: "role", round_trip: typed::<Role>, ..RBAC },
    BuiltinKind {
        kind: "RoleBinding",
        plural: "rolebindings",
        singular: "rolebinding",
        round_trip: typed::<RoleBinding>,
        ..RBAC
    },
    BuiltinKind {
        kind: "ClusterRole",
        plural: "clusterroles",
        singular: "clusterrole",
        namespaced: false,
        round_trip: typed::<ClusterRole>,
        ..RBAC
    },
    BuiltinKind {
        kind: "ClusterRoleBinding",
        plural: "clusterrolebindings",
        singular: "clusterrolebinding",
        namespaced: false,
        round_trip: typed::<ClusterRoleBinding>,
        ..RBAC
    },
];
