use genesis_api::TrainingRun;
use genesis_api::conditions::{ConditionType, find};
use genesis_api::training_run::{TrainingPhase, TrainingRunStatus};
use kube::ResourceExt;

use super::until_violated;
use crate::report::{Check, Report};

/// A dataset, a Job within its limits, an adapter that is in the store.
pub fn training_run(run: &TrainingRun) -> Report {
    let status = run.status.clone().unwrap_or_default();
    let name = run.name_any();
    let held = if run.spec.suspend && !run.is_finished() {
        Check::held("not held", "spec.suspend", format!("run `kubectl genesis resume trainingrun/{name}`"))
    } else {
        Check::good("not held", "")
    };
    let checks = vec![held, dataset(&status), attempts(run, &status), adapter(&status)];
    Report {
        title: format!("TrainingRun {name}"),
        verdict: format!("{}: {}", status.phase, status.message),
        checks: until_violated(checks),
    }
}

fn dataset(status: &TrainingRunStatus) -> Check {
    let stalled = find(&status.conditions, ConditionType::Stalled);
    match (&status.dataset, stalled) {
        (_, Some(stalled)) => {
            let remedy = match stalled.reason.as_str() {
                "NoGateway" => "start the operator with a gateway, or give spec.dataset.uri and digest",
                "GatewayUnreachable" => "see that the gateway is up: `kubectl genesis check`",
                _ => "see that the volume of spec.storage is there and readable",
            };
            Check::bad("dataset", format!("{}: {}", stalled.reason, stalled.message), remedy)
        }
        (Some(dataset), None) => {
            let count = |number: Option<i64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
            let (rows, tasks) = (count(dataset.rows), count(dataset.tasks));
            Check::good("dataset", format!("{rows} rows of {tasks} tasks, {}", dataset.digest.short()))
        }
        (None, None) if status.phase == TrainingPhase::Failed => failed("dataset", status),
        (None, None) => Check::waits("dataset", format!("is being frozen; {}", status.message), None),
    }
}

fn attempts(run: &TrainingRun, status: &TrainingRunStatus) -> Check {
    let numbers = format!(
        "{} attempts, {} of {} failures forgiven were used",
        status.attempts, status.attempts_count_towards_limit, run.spec.backoff_limit
    );
    match status.phase {
        TrainingPhase::Failed if status.adapter.is_none() => failed("job", status),
        TrainingPhase::Complete | TrainingPhase::Failed => Check::good("job", numbers),
        _ => {
            let told = status.trainer_status.as_ref();
            let steps = told.map_or_else(
                || status.message.clone(),
                |told| format!("step {} of {}", told.current_step, told.total_steps),
            );
            Check::waits("job", format!("{numbers}; {steps}"), None)
        }
    }
}

fn adapter(status: &TrainingRunStatus) -> Check {
    match (&status.adapter, status.phase) {
        (Some(adapter), TrainingPhase::Complete) => {
            let short = adapter.adapter.digest.short();
            Check::good("adapter", format!("{short}, rank {}, {} bytes, verified", adapter.rank, adapter.size_bytes))
        }
        (_, TrainingPhase::Failed) => failed("adapter", status),
        _ => Check::waits("adapter", "not told of yet", None),
    }
}

fn failed(name: &str, status: &TrainingRunStatus) -> Check {
    let reason = find(&status.conditions, ConditionType::Failed).map_or("Failed", |failed| failed.reason.as_str());
    let remedy = match reason {
        "OutOfMemory" => "give trainingTemplate.trainer.resources more memory, or lower hyperparameters.batchSize",
        "DeadlineExceeded" => "raise trainingTemplate.activeDeadlineSeconds, or lower hyperparameters.epochs",
        "BaseModelInvalid" => {
            "trying again cannot help: spec.baseModel names files that are damaged or of another format"
        }
        "RecipeInvalid" => "trying again cannot help: correct lora and hyperparameters as the message says",
        "Diverged" => "a smaller learning rate, or fewer epochs, keeps the loss a number",
        "DatasetInvalid" => "trying again cannot help: see what is wrong with the dataset that status.dataset names",
        "AdapterUploadFailed" | "AdapterMissing" | "AdapterCorrupt" => {
            "see that the volume of spec.storage is writable and has room, then retry"
        }
        _ => "read the logs of its Job's pods, then run `kubectl genesis retry` on it",
    };
    let last = status.last_failure.as_ref();
    let why = last.map_or_else(String::new, |last| format!("; the last attempt: {}: {}", last.reason, last.message));
    Check::bad(name, format!("{}{why}", status.message), remedy)
}
