use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use genesis_api::{Decimal, GenesisModel, Rollout};
use kube::ResourceExt;

use super::{Style, age, fitted};
use crate::family::space;
use crate::nodes::created;
use crate::summary::of_model;

/// One line for each model. A model's Rollouts tell how much traffic its candidate takes.
pub fn list(models: &[GenesisModel], rollouts: &[Rollout], namespaces: bool, style: Style) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let mut header = vec!["NAME", "STATUS", "CHAMPION", "SCORE", "CANDIDATE", "WEIGHT", "LEARNINGS", "READY", "AGE"];
    if namespaces {
        header.insert(0, "NAMESPACE");
    }
    if style.wide {
        header.push("INFO");
    }
    table.set_header(header);
    for model in models {
        table.add_row(cells(model, rollouts, namespaces, style));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    lines.concat()
}

fn cells(model: &GenesisModel, rollouts: &[Rollout], namespaces: bool, style: Style) -> Vec<String> {
    let status = model.status.clone().unwrap_or_default();
    let standing = of_model(model);
    let active = status.active_rollout.as_deref();
    let of_candidate =
        rollouts.iter().find(|rollout| space(*rollout) == space(model) && Some(rollout.name_any().as_str()) == active);
    let dash = || "-".to_owned();
    let score = status.current_adapter.as_ref().and_then(|current| current.score.as_ref());
    let learning = status.learning.as_ref();
    let asked = model.spec.triggers.min_new_learnings;
    let mut cells = vec![
        model.name_any(),
        format!("{} {}", standing.sign.icon(), standing.word),
        model.champion_name(),
        score.map(Decimal::as_str).map_or_else(dash, str::to_owned),
        status.candidate_adapter.as_ref().map_or_else(dash, |candidate| candidate.name.clone()),
        of_candidate.map_or_else(dash, |rollout| format!("{} %", rollout.canary_weight())),
        learning.map_or_else(dash, |learning| format!("{}/{asked}", learning.new)),
        format!("{}/{}", status.ready_replicas, model.spec.serving.replicas),
        age(created(model), style.now),
    ];
    if namespaces {
        cells.insert(0, space(model));
    }
    if style.wide {
        cells.push(fitted(&standing.info, true));
    }
    cells
}
