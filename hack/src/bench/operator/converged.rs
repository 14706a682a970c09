//! Whether every object is where it should be.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt};

use super::fill::resource;
use super::process::Operator;
use super::stage::Stage;

/// Longest wait.
const PATIENCE: Duration = Duration::from_mins(20);
/// Between two looks: each reads all objects.
const PAUSE: Duration = Duration::from_secs(5);
/// Objects in one answer.
const PAGE: u32 = 500;

/// Waits until every object's status is about its present spec and every model serves; how many seconds that took.
pub(super) async fn wait(stage: &Stage, operator: &Operator) -> Result<f64> {
    let begun = Instant::now();
    loop {
        let mut lagging = Vec::new();
        for kind in ["GenesisModel", "TrainingRun", "Evaluation", "Rollout"] {
            lagging.extend(behind(stage, kind).await?);
        }
        if lagging.is_empty() {
            return Ok(begun.elapsed().as_secs_f64());
        }
        operator.healthy().await?;
        if begun.elapsed() > PATIENCE {
            let (count, some) = (lagging.len(), lagging.iter().take(5).cloned().collect::<Vec<_>>().join(", "));
            bail!("{count} objects did not converge within {} s: {some}", PATIENCE.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Those of a kind that are not there yet.
async fn behind(stage: &Stage, kind: &str) -> Result<Vec<String>> {
    let api: Api<DynamicObject> = Api::all_with(stage.client.clone(), &resource(kind));
    let mut params = ListParams::default().limit(PAGE);
    let mut found = Vec::new();
    loop {
        let page = api.list(&params).await?;
        found.extend(
            page.items
                .iter()
                .filter(|object| !is_there(object, kind))
                .map(|object| format!("{kind} {}", object.name_any())),
        );
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(found),
        }
    }
}

fn is_there(object: &DynamicObject, kind: &str) -> bool {
    let status = &object.data["status"];
    let current = status["observedGeneration"].as_i64() == object.metadata.generation;
    let ready = || {
        let conditions = status["conditions"].as_array().into_iter().flatten();
        conditions.clone().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    current && (kind != "GenesisModel" || ready())
}
