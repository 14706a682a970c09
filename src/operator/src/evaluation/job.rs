//! The evaluator's Job.

use genesis_api::Evaluation;
use genesis_api::names::{INFERENCE_PORT, Role, SANDBOX_PORT, evaluation_job_name};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;

use super::observe::Observed;
use crate::apply::owned_by;
use crate::config::Settings;
use crate::jobs::{JobPlan, job};
use crate::pods::{ContainerPlan, template};
use crate::ports::socket;
use crate::reporting::{report_environment, report_secret};
use crate::token::{JobKind, Subject};
use crate::training_run::passed_through;

/// The Job of one attempt. The evaluator needs no access to the Kubernetes API: what it is to compare, and the
/// addresses of the pods to ask, stand in its arguments:
///
/// ```text
/// genesis evaluate --champion NAME --candidate NAME --store URI
///   --suite NAME=URI[@DIGEST] …            the first one decides
///   --samples N --temperature T --max-tokens N --seed N
///   --inference http://IP:8080 …           servers that have both adapters
///   --sandbox IP:7070 …
/// ```
///
/// It reports to `$GENESIS_REPORT_URL` with the bearer `$GENESIS_REPORT_TOKEN`. Pods that restart have new addresses,
/// so a failed attempt is followed by a new Job, not by a new pod of the old one.
pub(super) fn build(observed: &Observed, served_model: &str, attempt: i32, seconds_left: i64) -> Job {
    let evaluation = &observed.evaluation;
    let spec = &evaluation.spec;
    let model = &spec.model_ref.name;
    let (namespace, name, uid) = identity(evaluation);
    let subject = Subject { kind: JobKind::Evaluations, namespace: &namespace, name: &name, uid: &uid };
    let plan = ContainerPlan {
        command: vec!["genesis".into()],
        args: arguments(observed, served_model),
        env: report_environment(&observed.settings, subject),
        ..ContainerPlan::default()
    };
    job(JobPlan {
        name: evaluation_job_name(&name, attempt),
        namespace: namespace.clone(),
        model: model.clone(),
        labels: passed_through(evaluation.labels()),
        owner: owned_by(evaluation),
        template: template(model, Role::Evaluator, plan, &spec.evaluator, Some(&spec.storage), &observed.settings),
        backoff_limit: 0,
        active_deadline_seconds: seconds_left.max(1),
        suspend: false,
    })
}

/// The Secret that its Jobs report with.
pub(super) fn secret(evaluation: &Evaluation, settings: &Settings) -> Secret {
    let (namespace, name, uid) = identity(evaluation);
    let subject = Subject { kind: JobKind::Evaluations, namespace: &namespace, name: &name, uid: &uid };
    report_secret(settings, subject, owned_by(evaluation))
}

fn identity(evaluation: &Evaluation) -> (String, String, String) {
    (evaluation.namespace().unwrap_or_default(), evaluation.name_any(), evaluation.uid().unwrap_or_default())
}

fn arguments(observed: &Observed, served_model: &str) -> Vec<String> {
    let spec = &observed.evaluation.spec;
    let champion =
        spec.baseline.as_ref().map_or_else(|| served_model.to_owned(), |baseline| baseline.served_name(served_model));
    let mut arguments = vec!["evaluate".to_owned()];
    let mut add = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
    add("--champion", champion);
    add("--candidate", spec.candidate.served_name(served_model));
    add("--store", spec.storage.uri.clone());
    for suite in &spec.suites {
        let digest = suite.digest.as_ref().map_or_else(String::new, |digest| format!("@{digest}"));
        add("--suite", format!("{}={}{digest}", suite.name, suite.uri));
    }
    add("--samples", spec.sampling.samples.to_string());
    add("--temperature", spec.sampling.temperature.as_str().to_owned());
    add("--max-tokens", spec.sampling.max_tokens.to_string());
    add("--seed", spec.sampling.seed.to_string());
    for replica in &observed.replicas {
        add("--inference", format!("http://{}", socket(&replica.address, INFERENCE_PORT)));
    }
    for address in &observed.sandboxes {
        add("--sandbox", socket(address, SANDBOX_PORT));
    }
    arguments
}
