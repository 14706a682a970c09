//! Jobs: how they are made, and what their state means.

use std::collections::BTreeMap;

use genesis_api::names::MODEL_LABEL;
use genesis_core::wire::{EXIT_INTERRUPTED, EXIT_USER_ERROR};
use k8s_openapi::api::batch::v1::{
    Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement, PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;

use crate::apply::is_owned_by;

/// How a Job stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum JobState {
    /// There is none.
    #[default]
    Absent,
    /// It waits or works.
    Active {
        /// Its pods are stopped.
        suspended: bool,
        /// Pods that failed and count.
        failures: i32,
    },
    /// There is one of its name, which another object has made.
    Foreign,
    /// Its pod ended with exit code 0.
    Complete,
    /// It gave up.
    Failed {
        /// Reason of the condition, such as `BackoffLimitExceeded`.
        reason: String,
        /// Its message.
        message: String,
        /// Pods that failed and count.
        failures: i32,
    },
}

impl JobState {
    /// Reads it from the object. A Job of an owner that had the same name before says nothing about `owner`.
    pub fn of(job: Option<&Job>, owner: Option<&str>) -> Self {
        let Some(job) = job else { return Self::Absent };
        if !is_owned_by(job, owner) {
            return Self::Foreign;
        }
        let status = job.status.as_ref();
        let failures = status.and_then(|status| status.failed).unwrap_or(0);
        let conditions = status.and_then(|status| status.conditions.as_deref()).unwrap_or_default();
        let holds =
            |kind: &str| conditions.iter().find(|condition| condition.type_ == kind && condition.status == "True");
        if let Some(failed) = holds("Failed") {
            let text = |field: &Option<String>| field.clone().unwrap_or_default();
            return Self::Failed { reason: text(&failed.reason), message: text(&failed.message), failures };
        }
        if holds("Complete").is_some() {
            return Self::Complete;
        }
        let suspended = job.spec.as_ref().and_then(|spec| spec.suspend).unwrap_or(false);
        Self::Active { suspended, failures }
    }

    /// Pods that failed and count.
    pub fn failures(&self) -> i32 {
        match self {
            Self::Active { failures, .. } | Self::Failed { failures, .. } => *failures,
            Self::Absent | Self::Foreign | Self::Complete => 0,
        }
    }
}

/// What a Job is made from.
#[derive(Clone, Debug)]
pub struct JobPlan {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Name of the GenesisModel, for its label.
    pub model: String,
    /// Labels passed through from the owner.
    pub labels: BTreeMap<String, String>,
    /// Its owner.
    pub owner: Vec<OwnerReference>,
    /// Its pod.
    pub template: PodTemplateSpec,
    /// Pod failures that are forgiven.
    pub backoff_limit: i32,
    /// Seconds it may take.
    pub active_deadline_seconds: i64,
    /// Whether it begins stopped.
    pub suspend: bool,
}

/// A Job with one pod at a time, which is replaced when it fails.
pub fn job(mut plan: JobPlan) -> Job {
    if let Some(spec) = plan.template.spec.as_mut() {
        // Never: a pod failure policy needs it, and a failed pod's log stays readable.
        spec.restart_policy = Some("Never".into());
    }
    plan.labels.insert(MODEL_LABEL.into(), plan.model);
    Job {
        metadata: ObjectMeta {
            name: Some(plan.name),
            namespace: Some(plan.namespace),
            labels: Some(plan.labels),
            owner_references: Some(plan.owner),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            template: plan.template,
            backoff_limit: Some(plan.backoff_limit),
            active_deadline_seconds: Some(plan.active_deadline_seconds),
            suspend: Some(plan.suspend),
            pod_failure_policy: Some(failure_policy()),
            ..JobSpec::default()
        }),
        status: None,
    }
}

/// Wrong input ends the Job at once; a pod that was asked to stop, or was preempted, is replaced and not counted.
fn failure_policy() -> PodFailurePolicy {
    let exit_code = |action: &str, code: i32| PodFailurePolicyRule {
        action: action.into(),
        on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
            container_name: None,
            operator: "In".into(),
            values: vec![code],
        }),
        on_pod_conditions: None,
    };
    let disrupted = PodFailurePolicyRule {
        action: "Ignore".into(),
        on_exit_codes: None,
        on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
            type_: "DisruptionTarget".into(),
            status: Some("True".into()),
        }]),
    };
    PodFailurePolicy {
        rules: vec![exit_code("FailJob", EXIT_USER_ERROR), exit_code("Ignore", EXIT_INTERRUPTED), disrupted],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(mut value: serde_json::Value) -> JobState {
        let owner = json!({ "apiVersion": "v1", "kind": "K", "name": "n", "uid": "ours", "controller": true });
        value["metadata"] = json!({ "ownerReferences": [owner] });
        let job: Job = serde_json::from_value(value).unwrap();
        assert_eq!(JobState::of(Some(&job), Some("of an earlier object")), JobState::Foreign);
        JobState::of(Some(&job), Some("ours"))
    }

    #[test]
    fn a_jobs_state_is_read_from_its_conditions() {
        assert_eq!(JobState::of(None, Some("ours")), JobState::Absent);
        assert_eq!(state(json!({ "metadata": {} })), JobState::Active { suspended: false, failures: 0 });
        let spec = json!({ "suspend": true, "template": {} });
        assert_eq!(state(json!({ "metadata": {}, "spec": spec })), JobState::Active { suspended: true, failures: 0 });
        let failed = json!({ "failed": 2, "conditions": [
            { "type": "FailureTarget", "status": "True" },
            { "type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m" },
        ]});
        assert_eq!(
            state(json!({ "metadata": {}, "status": failed })),
            JobState::Failed { reason: "BackoffLimitExceeded".into(), message: "m".into(), failures: 2 }
        );
        let complete = json!({ "conditions": [{ "type": "Complete", "status": "True" }] });
        assert_eq!(state(json!({ "metadata": {}, "status": complete })), JobState::Complete);
    }
}
