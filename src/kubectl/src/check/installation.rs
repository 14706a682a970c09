use genesis_api::conditions::{ConditionType, ModelReason, find};
use genesis_api::{GenesisModel, TrainingRun};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;

use crate::family::space;
use crate::kind::Kind;
use crate::report::Check;
use crate::summary::loop_reason;

/// One question about what a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The verb of RBAC.
    pub verb: &'static str,
    /// The kind.
    pub kind: Kind,
    /// What it is needed for.
    pub needed_for: &'static str,
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Yes.
    Allowed,
    /// No.
    Denied,
    /// The server does not say.
    Unknown,
}

/// All that the verbs of this plugin need.
pub fn questions() -> Vec<Question> {
    let mut questions = Vec::new();
    for kind in [Kind::Model, Kind::TrainingRun, Kind::Evaluation, Kind::Rollout] {
        for (verb, needed_for) in [("list", "get, list, explain"), ("watch", "status --watch")] {
            questions.push(Question { verb, kind, needed_for });
        }
        questions.push(Question { verb: "patch", kind, needed_for: "promote, abort, pause, resume, rollback, retry" });
        if kind != Kind::Model {
            questions.push(Question { verb: "create", kind, needed_for: "retry" });
        }
    }
    questions
}

/// One line for each kind.
pub fn permissions(answers: &[(Question, Access)], namespace: &str) -> Vec<Check> {
    let of_kind = |kind: Kind| {
        let name = format!("may use {}", kind.plural());
        let answers = answers.iter().filter(|(question, _)| question.kind == kind);
        let denied: Vec<&Question> =
            answers.clone().filter(|(_, access)| *access == Access::Denied).map(|(question, _)| question).collect();
        let verbs =
            |questions: &[&Question]| questions.iter().map(|question| question.verb).collect::<Vec<_>>().join(", ");
        if let Some(first) = denied.first() {
            return Check::warns(
                &name,
                format!("{} is forbidden in {namespace}; needed for {}", verbs(&denied), first.needed_for),
                "ask for a Role with these verbs; reading needs list and watch only",
            );
        }
        if answers.clone().any(|(_, access)| *access == Access::Unknown) {
            return Check::warns(&name, "this server answers no access reviews", "try the verb: it tells");
        }
        let all: Vec<&Question> = answers.map(|(question, _)| question).collect();
        Check::good(&name, format!("{} in {namespace}", verbs(&all)))
    };
    [Kind::Model, Kind::TrainingRun, Kind::Evaluation, Kind::Rollout].map(of_kind).to_vec()
}

/// Whether one of the two workloads of an installation is ready. It may also run outside of the cluster.
pub fn workload(part: &str, deployments: &[Deployment]) -> Check {
    let is_it = |found: &&Deployment| {
        let labels = found.labels();
        let name = labels.get("app.kubernetes.io/name").map(String::as_str);
        name == Some(&format!("genesis-{part}"))
            || (name == Some("genesis") && labels.get("app.kubernetes.io/component").is_some_and(|is| is == part))
    };
    let Some(found) = deployments.iter().find(is_it) else {
        return Check::warns(
            part,
            "no Deployment of it is found here",
            "where it runs outside of the cluster this is fine; otherwise install it",
        );
    };
    let asked = found.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let ready = found.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
    let numbers = format!("{ready} of {asked} pods of {}/{} are ready", space(found), found.name_any());
    if ready > 0 {
        Check::good(part, numbers)
    } else {
        let remedy = format!("run `kubectl -n {} describe deployment {}`", space(found), found.name_any());
        Check::bad(part, numbers, remedy)
    }
}

/// What the status of each model tells about operator and gateway: both may be up, and not hear of each other.
pub fn working(models: &[GenesisModel]) -> Vec<Check> {
    models.iter().map(of_model).collect()
}

fn of_model(model: &GenesisModel) -> Check {
    let name = format!("model {}/{}", space(model), model.name_any());
    let Some(status) = &model.status else {
        return Check::bad(&name, "no operator has seen it", "see that an operator watches this namespace");
    };
    if status.observed_generation != model.metadata.generation {
        return Check::warns(&name, "the operator lags behind its spec", "try again in a moment, then see its log");
    }
    match loop_reason(status) {
        Some((ModelReason::NoGateway, message)) => {
            Check::bad(&name, message, "start the operator with the address of a gateway")
        }
        Some((ModelReason::GatewayUnreachable, message)) => {
            Check::bad(&name, message, "see that the gateway is up, and that both have the same service token")
        }
        _ => Check::good(&name, "the operator follows it, and hears from the gateway"),
    }
}

/// What the volumes of models and the ends of TrainingRuns tell about the store. A volume's phase is `None` where it
/// does not exist.
pub fn claims(volumes: &[(String, Option<String>)], runs: &[TrainingRun]) -> Vec<Check> {
    let mut checks: Vec<Check> = volumes
        .iter()
        .map(|(claim, phase)| {
            let name = format!("volume {claim}");
            match phase.as_deref() {
                Some("Bound") => Check::good(&name, "is bound"),
                Some(phase) => Check::bad(&name, format!("is {phase}"), format!("run `kubectl describe pvc {claim}`")),
                None => Check::bad(&name, "does not exist", "create it, or correct spec.storage.claimName"),
            }
        })
        .collect();
    let troubled = runs.iter().filter_map(|run| {
        let conditions = &run.status.as_ref()?.conditions;
        let told = [ConditionType::Stalled, ConditionType::Failed].map(|kind| find(conditions, kind));
        let found = told.into_iter().flatten().find(|condition| {
            matches!(condition.reason.as_str(), "StorageUnreachable" | "AdapterUploadFailed" | "AdapterCorrupt")
        })?;
        let numbers = format!("TrainingRun {}/{}: {}", space(run), run.name_any(), found.message);
        Some(Check::bad("storage", numbers, "see that the volume of spec.storage is mounted, writable and has room"))
    });
    checks.extend(troubled);
    if checks.is_empty() {
        checks.push(Check::good("storage", "no TrainingRun complains of it"));
    }
    checks
}
