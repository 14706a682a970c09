//! The drill's objects, created by hand as a person would.

use anyhow::{Context, Result};
use genesis_api::{AdapterReference, Evaluation, ModelReference, Rollout, TrainingRun};
use genesis_core::wire::Recipe;
use kube::api::PostParams;

use crate::demo::{Cluster, MODEL, Options, RolledOut, Traffic, show};

/// Trains on answers that were dealt out at random.
pub async fn train_shuffled(cluster: &Cluster, options: &Options) -> Result<AdapterReference> {
    let model = cluster.model().await?;
    let template = &model.spec.training_template;
    let spec = serde_json::json!({
        "modelRef": { "name": MODEL },
        "baseModel": model.spec.base_model,
        "storage": model.spec.storage,
        "dataset": { "recipe": Recipe::Shuffled },
        "lora": template.lora,
        "hyperparameters": template.hyperparameters,
        "seed": options.seed,
        "trigger": "drill: shuffled labels",
    });
    let run = TrainingRun::new("drill-shuffled", serde_json::from_value(spec)?);
    cluster.runs().create(&PostParams::default(), &run).await.context("create the TrainingRun")?;
    show::training(cluster, "drill-shuffled").await?;
    let done = cluster.runs().get("drill-shuffled").await?;
    Ok(done.status.and_then(|status| status.adapter).context("the run has an adapter")?.adapter)
}

/// Judges it against the base.
pub async fn evaluate(cluster: &Cluster, options: &Options, adapter: &AdapterReference) -> Result<show::Evaluated> {
    let model = cluster.model().await?;
    let template = &model.spec.evaluation_template;
    let spec = serde_json::json!({
        "modelRef": { "name": MODEL },
        "storage": model.spec.storage,
        "candidate": adapter,
        "suites": template.suites,
        "gate": template.gate,
        "sampling": { "samples": 8, "temperature": "0.8", "maxTokens": 96, "seed": options.seed },
    });
    let evaluation = Evaluation::new("drill-shuffled", serde_json::from_value(spec)?);
    cluster.evaluations().create(&PostParams::default(), &evaluation).await.context("create the Evaluation")?;
    show::evaluation(cluster).await
}

/// Lets it through by hand, under live traffic.
pub async fn roll_out(cluster: &Cluster, traffic: &Traffic, adapter: &AdapterReference) -> Result<RolledOut> {
    let model = cluster.model().await?;
    let spec = serde_json::json!({
        "modelRef": ModelReference { name: MODEL.to_owned() },
        "candidate": adapter,
        "steps": model.spec.rollout_template.steps,
        "analysis": model.spec.rollout_template.analysis,
    });
    let rollout = Rollout::new("drill-sabotage", serde_json::from_value(spec)?);
    cluster.rollouts().create(&PostParams::default(), &rollout).await.context("create the Rollout")?;
    show::rollout(cluster, traffic).await
}
