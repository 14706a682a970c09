use std::collections::BTreeSet;

use genesis_api::genesis_model::{CurrentAdapter, GenesisModelStatus, HistoryEntry, TurnOutcome};
use genesis_api::names::Role;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use kube::ResourceExt;

use super::{Node, created, pods};
use crate::family::{Family, Objects, Turn};
use crate::sign::Sign;
use crate::summary::{Standing, of_evaluation, of_model, of_rollout, of_run};

/// The tree of one model. Without a model, what was made for it stands below its name.
pub fn of_family(objects: &Objects, family: &Family) -> Node {
    let status = family.model.as_ref().and_then(|model| model.status.clone()).unwrap_or_default();
    let mut children: Vec<Node> =
        family.turns.iter().flat_map(|turn| of_turn(objects, family, turn, &status)).collect();
    let told: BTreeSet<i64> = family.turns.iter().filter_map(|turn| turn.revision).collect();
    let bygone = status.history.iter().filter(|entry| !told.contains(&entry.revision));
    children.extend(bygone.map(|entry| past(entry, &status, Vec::new())));
    let Some(model) = &family.model else {
        return Node {
            name: family.name.clone(),
            kind: "GenesisModel".into(),
            sign: Sign::Warning,
            status: "Absent".into(),
            since: None,
            info: "there is no such GenesisModel".into(),
            children,
        };
    };
    for (role, asked) in [(Role::Serving, model.spec.serving.replicas), (Role::Sandbox, model.spec.sandbox.replicas)] {
        children.extend(pods::workload(objects, &family.namespace, &family.name, role, asked));
    }
    node("GenesisModel", model, of_model(model), children).with_info(&champion(model))
}

/// A numbered turn is a row of its own; what a person made alone stands beside the turns.
fn of_turn(objects: &Objects, family: &Family, turn: &Turn, status: &GenesisModelStatus) -> Vec<Node> {
    let mut parts = Vec::new();
    parts.extend(turn.run.as_ref().map(|run| of_training(objects, &family.namespace, run)));
    parts.extend(turn.evaluation.as_ref().map(|found| of_judgement(objects, &family.namespace, found)));
    parts.extend(turn.rollout.as_ref().map(of_canary));
    let Some(revision) = turn.revision else { return parts };
    if let Some(entry) = status.history.iter().find(|entry| entry.revision == revision) {
        return vec![past(entry, status, parts)];
    }
    let candidate = status.candidate_adapter.as_ref().filter(|candidate| candidate.revision == revision);
    vec![Node {
        name: format!("revision {revision}"),
        kind: "Turn".into(),
        sign: parts.last().map_or(Sign::Working, |part| part.sign),
        status: "Under way".into(),
        since: parts.first().and_then(|part| part.since),
        info: candidate.map_or_else(String::new, |candidate| format!("candidate {}", candidate.name)),
        children: parts,
    }]
}

fn past(entry: &HistoryEntry, status: &GenesisModelStatus, children: Vec<Node>) -> Node {
    let champion = status.current_adapter.as_ref().is_some_and(|current| current.revision == entry.revision);
    let (sign, word) = match entry.outcome {
        TurnOutcome::Promoted if champion => (Sign::Good, "Champion".to_owned()),
        TurnOutcome::Promoted => (Sign::Good, "Promoted".to_owned()),
        TurnOutcome::Rejected | TurnOutcome::Withdrawn => (Sign::Warning, entry.outcome.to_string()),
        TurnOutcome::RolledBack => (Sign::Bad, "Rolled back".to_owned()),
        TurnOutcome::Failed => (Sign::Bad, "Failed".to_owned()),
    };
    Node {
        name: format!("revision {}", entry.revision),
        kind: "Turn".into(),
        sign,
        status: word,
        since: entry.time,
        info: entry.adapter.as_ref().map_or_else(String::new, |adapter| format!("adapter {}", adapter.digest.short())),
        children,
    }
}

fn of_training(objects: &Objects, namespace: &str, run: &TrainingRun) -> Node {
    let job = run.status.as_ref().and_then(|status| status.job_name.as_deref());
    node("TrainingRun", run, of_run(run), pods::job(objects, namespace, job).into_iter().collect())
}

fn of_judgement(objects: &Objects, namespace: &str, evaluation: &Evaluation) -> Node {
    let job = evaluation.status.as_ref().and_then(|status| status.job_name.as_deref());
    let children = pods::job(objects, namespace, job).into_iter().collect();
    node("Evaluation", evaluation, of_evaluation(evaluation), children)
}

fn of_canary(rollout: &Rollout) -> Node {
    node("Rollout", rollout, of_rollout(rollout), Vec::new())
}

fn node(kind: &str, object: &impl ResourceExt, standing: Standing, children: Vec<Node>) -> Node {
    Node {
        name: object.name_any(),
        kind: kind.into(),
        sign: standing.sign,
        status: standing.word,
        since: created(object),
        info: standing.info,
        children,
    }
}

fn champion(model: &GenesisModel) -> String {
    let score = |current: &CurrentAdapter| {
        current.score.as_ref().map_or_else(String::new, |score| format!(" (pass@1 {})", score.as_str()))
    };
    let current = model.status.as_ref().and_then(|status| status.current_adapter.as_ref());
    format!("champion {}{}", model.champion_name(), current.map_or_else(|| " (base)".to_owned(), score))
}

impl Node {
    fn with_info(self, first: &str) -> Self {
        let info = if self.info.is_empty() { first.to_owned() } else { format!("{first}; {}", self.info) };
        Self { info, ..self }
    }
}
